"""A server with the Batch API, in a thread of this process: files, batches, and chat for those who do not wait."""

import asyncio
import json
import threading
import time

from aiohttp import web


class BatchServer:
    """`answer` maps a request to (status, body); `hold` keeps batches in progress, `fail` makes polling fail."""

    def __init__(self, answer):
        self.answer, self.hold, self.fail, self.live = answer, False, False, 0
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict] = {}
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        app = web.Application(client_max_size=2**26)
        app.add_routes([
            web.post("/v1/chat/completions", self._chat),
            web.post("/v1/files", self._upload),
            web.get("/v1/files/{id}/content", self._content),
            web.post("/v1/batches", self._submit),
            web.get("/v1/batches", self._list),
            web.get("/v1/batches/{id}", self._retrieve),
        ])  # fmt: skip
        self.runner = web.AppRunner(app, access_log=None)
        self.loop.run_until_complete(self.runner.setup())
        self.loop.run_until_complete(web.TCPSite(self.runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"
        started.set()
        self.loop.run_forever()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def lines(self) -> list[dict]:
        return [json.loads(line) for batch in self.batches.values() for line in self._input(batch)]

    def _input(self, batch: dict) -> list[bytes]:
        return self.files[batch["input_file_id"]].splitlines()

    async def _chat(self, request: web.Request) -> web.Response:
        self.live += 1
        status, body = self.answer(await request.json())
        return web.json_response(body, status=status)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        name = f"file-{len(self.files)}"
        self.files[name] = form["file"].file.read()
        head = {"id": name, "object": "file", "bytes": len(self.files[name]), "created_at": 0, "status": "processed"}
        return web.json_response(head | {"filename": "x.jsonl", "purpose": "batch"})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    async def _submit(self, request: web.Request) -> web.Response:
        batch = await request.json()
        batch |= {"id": f"batch-{len(self.batches)}", "object": "batch", "status": "in_progress"}
        self.batches[batch["id"]] = batch | {"created_at": int(time.time())}
        return web.json_response(self.batches[batch["id"]])

    async def _list(self, request: web.Request) -> web.Response:
        newest_first = list(self.batches.values())[::-1]
        return web.json_response({"object": "list", "data": newest_first, "has_more": False})

    async def _retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        if self.fail:
            return web.json_response({"error": {"message": "not now"}}, status=400)
        if batch["status"] == "in_progress" and not self.hold:
            self._work(batch)
        return web.json_response(batch)

    def _work(self, batch: dict) -> None:
        outcome: dict[str, list] = {"output_file_id": [], "error_file_id": []}
        for line in map(json.loads, reversed(self._input(batch))):  # in no order that was asked for
            status, body = self.answer(line["body"])
            row = {"id": "x", "custom_id": line["custom_id"], "response": {"status_code": status, "body": body}}
            outcome["output_file_id" if status == 200 else "error_file_id"].append(json.dumps(row | {"error": None}))
        for key, rows in outcome.items():
            if rows:
                batch[key] = f"file-{len(self.files)}"
                self.files[batch[key]] = "\n".join(rows).encode()
        counts = {"total": len(self._input(batch)), "completed": len(outcome["output_file_id"])}
        batch |= {"status": "completed", "request_counts": counts | {"failed": len(outcome["error_file_id"])}}
