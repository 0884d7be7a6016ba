"""How much each source's evidence is worth beside the others: the numbers that ranking is made of.

Chosen by thought first; where a line gives figures, by measurement: exact matches of the 0.5B at 2,048 tokens
on places of six projects that use what another file defines (docs/log.md, "Choosing weights"). A source
without figures moved no more than chance would.
"""

from __future__ import annotations

DIAGNOSTICS = 3.0  # small, and about this very file
NEWEST_EDIT = 2.6  # what is being changed right now says most about what comes next
OLDER_EDIT = 0.85  # each edit before it is worth that much of the one after
USED_SYMBOLS = 2.4  # signatures that the code around the cursor names (with what follows: 24.4% -> 28.2%)
NEXT_HERE = 1.3  # times that: of a file whose members may come behind the cursor's dot
FAR_SHARE = 0.7  # times that: where only code further away names them
UNSURE_SHARE = 0.7  # times that: where many files have such names (names found: 0.4 62%, 0.7 63%, 1 62%)
UNNAMED_SHARE = 0.6  # times that: an imported file of which nothing is named
SIMILAR_CODE = 4.0  # times the similarity, 0 to 1 (without 22.7%, at 2.2 28.2%, at 4.4 29.8%, 6 no more)
THIS_FILE = 1.8  # signatures of this file that its window does not reach
PAST_CHANGE = 1.6  # times the similarity, 0 to 1
LAST_VIEWED = 1.5  # an open file, by how lately it was looked at
TESTED = 1.1  # the test of the file, or the file of the test
BRANCH = 1.2  # what the branch has changed so far
FUNCTION_HISTORY = 1.1  # what was done to the function around the cursor: in roomy budgets, too
COMMITS = 0.7  # what was done to this file before
SAME_FOLDER = 0.4  # of which nothing is named (at 0.6 22.9%, left out altogether 24.1%)
PROJECT_MAP = 0.8
WHOLE_FILE = 0.35  # all of a file where its signatures are in already: for large budgets
RANKED_FILE = 0.05  # a file that is only much referred to: when nothing closer is left
