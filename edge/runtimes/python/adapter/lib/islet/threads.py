"""There is one thread. What would run in another and be waited for runs at once, where it was asked for."""
import concurrent.futures
import sys
import time

from pyodide.ffi import can_run_sync, run_sync
from islet.imports import when_imported


class _Executor(concurrent.futures.Executor):
    """A thread pool whose work is done when it is submitted."""

    def __init__(self, *args, **kwargs):
        self._max_workers = 1

    def submit(self, function, /, *args, **kwargs):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def install():
    import concurrent.futures.thread as thread

    thread.ThreadPoolExecutor = _Executor
    concurrent.futures.ThreadPoolExecutor = _Executor
    blocking = time.sleep

    def sleep(seconds):
        if seconds > 0 and can_run_sync():
            import asyncio

            run_sync(asyncio.sleep(seconds))
        else:
            blocking(seconds)

    time.sleep = sleep
    when_imported("anyio._backends._asyncio", _anyio)


def _anyio(module):
    async def run_sync_in_worker_thread(cls, function, args, *_, **__):
        return function(*args)

    module.AsyncIOBackend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)
