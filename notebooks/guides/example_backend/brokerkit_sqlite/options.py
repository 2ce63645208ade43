"""The options of connections and subscriptions."""

from __future__ import annotations

from brokerkit.core.contract.options import POSITIVE_SECONDS, Option, OptionTable, flag

CONNECTION_OPTIONS = OptionTable({"create": Option(flag, "create the file if it is not there", False)})
SUBSCRIPTION_OPTIONS = OptionTable(
    {"lock": Option(POSITIVE_SECONDS, "seconds for which a message is reserved", 30.0)}
)
