"""A gRPC server that answers every request with the same refusal, as the service may."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status


class _Refusal(grpc.GenericRpcHandler):
    def __init__(self, refuse: Callable[[grpc.ServicerContext], None]) -> None:
        self._refuse = refuse

    def service(self, _: Any) -> grpc.RpcMethodHandler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._refuse(context)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


class RefusingServer:
    """Refuses with a status and, where given, the machine-readable reason of Google's services.

    Args:
        after: Until this is set, it does not answer.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        text: str,
        reason: str | None = None,
        *,
        after: threading.Event | None = None,
    ) -> None:
        detail = AnyMessage()
        detail.Pack(ErrorInfo(reason=reason or "", domain="googleapis.com"))

        def refuse(context: grpc.ServicerContext) -> None:
            if after is not None:
                after.wait()
            if reason is None:
                context.abort(code, text)
            status = Status(code=code.value[0], message=text, details=[detail])
            context.abort_with_status(rpc_status.to_status(status))

        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers([_Refusal(refuse)])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def url(self) -> str:
        return f"pubsub://refused-project?emulator=127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(None).wait(5)
