"""The llama.cpp backend: a low-level driver over llama_cpp's C API. Importing this loads nothing."""
