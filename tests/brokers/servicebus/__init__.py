"""Our own Azure Service Bus, for tests and hand trials: no registry has a server that speaks it.

`server` starts it as a process of its own and is all that a test needs. The modules below it make up
that process, which runs in an environment with Qpid Proton (`provision`): `emulator` is its main
program, `amqp` and `management` its AMQP 1.0, `http` and `atom` its administration, and `broker` with
`namespace`, `queue`, `sessions`, `rules` and `store` what the protocols are about.
"""
