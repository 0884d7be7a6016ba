"""Which files of a workspace an import statement means, from paths alone: no disk, no build files.

What a build file would say (source roots, aliases, module names) is guessed from the ends of paths: a
workspace seldom has two files that end alike, and where it has, the one nearest to the importer comes first.
"""

from context.imports.paths import PathSet
from context.imports.resolution import resolve, visible_without_import

__all__ = ["PathSet", "resolve", "visible_without_import"]
