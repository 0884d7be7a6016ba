"""Commits typed key by key in a closed loop, through this server and through llama.vim with llama-server.

An oracle typist asks for ghost text after every key and takes of a suggestion what is right, so that speed
and quality show in one figure: the share of keys it saves. Both systems type the same hunks in turn.
"""
