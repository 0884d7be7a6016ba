"""Training data: source texts and commits to shards of token ids, with what is known of every token beside.

Sources are plain folders, wheels, sdists and npm packages under permissive licences, and the JSON lines of
`codeflow-lsp flow export`. What comes out is described in ``engine.training.data.shards``; it is made by
``python -m engine.training.data.build``. Nothing here knows a workspace, a model or a loss, and nothing that
is read is ever run.
"""
