"""What is compiled where the package is built, if there is a C compiler; elsewhere Python does the same.

`.ci/build_hook.py` compiles it. There is one function in C for one thing that is done with every row.
"""
