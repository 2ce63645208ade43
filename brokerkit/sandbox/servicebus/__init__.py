"""An emulator of Azure Service Bus, for experiments and tests, since no registry has such a server.

`server` starts it as a process of its own and is all that a caller needs. The process runs in an
environment with Qpid Proton (`provision`). `emulator` is its main program. `amqp`, `dispatcher`,
`links`, `requests`, `management`, `frames` and `wire` are its AMQP 1.0; `web`, `admin` and `atom` its
administration; `broker`, `namespace`, `queue`, `sessions`, `rules`, `claims` and `store` are the broker.

It lacks transactions, partitioned entities, quotas, JSON web tokens and AMQP over WebSockets.
"""
