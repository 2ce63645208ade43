"""Other libraries that read Kafka, in an environment of their own: brokerkit never depends on them.

`environment` makes the environment. `reading` and ``__main__`` run in it, and import nothing of brokerkit.
"""
