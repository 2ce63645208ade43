"""The messages between the models in Python and their views in the browser, as types.

`brokerkit/widgets/frontend/src/protocol.ts` has the same types for TypeScript; a test compares them.
"""
