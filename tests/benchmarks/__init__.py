"""Speed, as ratios within one run: ``python -m tests.benchmarks [kafka] [nats] [pulsar] [json] ...``.

Nothing here is asserted: machines differ. Each line compares what a person would write by hand with
what brokerkit does, over the same messages, in the same process, best of several rounds. ``kafka-reading``
and ``pulsar`` compare with the best that the client can do: in turns, as medians of ratios, wall and CPU seconds.
"""
