"""Speed, as ratios within one run: ``python -m tests.benchmarks [PART ...] [--rows 1M]``.

Nothing here is asserted: machines differ. Each part compares what brokerkit does with what a person would write
by hand, with the best that the client library can do, or with another library, over the same messages, in turns.
`ways` runs them, `results` says what was asked and what came of it, and `page` writes ``notebooks/benchmarks.md``.
"""
