"""Where evidence comes from: one short function a source, all giving ``ContextItem``s.

``editor`` has what the editor told (read on every request), ``files`` and ``repository`` what has to be read
from disk and history (read in the background, for the dossier of a document).
"""
