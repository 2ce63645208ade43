"""brokerkit: the notebook workbench for message brokers."""
