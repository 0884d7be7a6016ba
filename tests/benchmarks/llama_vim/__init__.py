"""How llama.vim asks llama-server for ghost text, reproduced from its source (ggml-org/llama.vim a1c8e6e).

``context`` says what of a text is sent, ``answers`` keeps responses and finds one for a cursor, ``hint``
makes of a response what is shown, ``ring`` collects chunks of other places, ``plugin`` is the editor's
events, and ``server`` the other process. Lines are numbered from 0 here, and characters are code points.
"""
