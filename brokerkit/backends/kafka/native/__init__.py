"""A reader that takes messages of librdkafka into columns without a Python object for each.

`buffers.c` is compiled where the package is built, if there is a C compiler (`.ci/build_hook.py`). It uses
the librdkafka that confluent-kafka has loaded, through functions of its public header, with a consumer of
its own. Where that is not possible the client library reads; both return the same rows and errors.
"""
