"""Fetching from a stand-in for the hub on this machine: whole, cut, corrupted, absent."""

from __future__ import annotations

import errno
import hashlib
import shutil
import threading
from collections import Counter, namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hallmark.models import checkpoint, download
from hallmark.models.hub import get, shards
from hallmark.models.sizes import MANIFEST, find_model

REPOSITORY = "openai-community/gpt2"
COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
WEIGHTS = "model.safetensors"
DETECTOR = "openai-community/roberta-base-openai-detector"


class Hub:
    """What the stand-in serves, how it misbehaves, and what it was asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.repository = REPOSITORY
        self.large = {n for n in files if n.endswith(".safetensors")}
        self.cuts: list[int] = []  # the next bodies of large files end after so many bytes
        self.failures = 0  # the next answers are 503
        self.ranges = True
        self.commit = COMMIT
        self.spoil = ""  # the file whose body differs from its hash
        self.status = 0  # the answer to everything
        self.location = ""  # where large files are redirected to
        self.asked: list[tuple[str, str, str | None]] = []

    def count(self, method: str) -> Counter[str]:
        return Counter(path.rsplit("/", 1)[1] for m, path, _ in self.asked if m == method)


class Handler(BaseHTTPRequestHandler):
    """`/OWNER/NAME/resolve/REVISION/FILE`; large files are elsewhere, as on the hub."""

    def log_message(self, *_):
        pass

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub, (_, *parts) = self.server.hub, self.path.split("/")
        hub.asked.append((self.command, self.path, self.headers["Range"]))
        if hub.failures:
            hub.failures -= 1
            return self.reply(503, {})
        if hub.status:
            return self.reply(hub.status, {})
        if parts[0] == "cdn":
            return self.body(hub.files[parts[-1]], parts[-1])
        if parts[0] == "old":
            return self.reply(307, {"Location": f"/openai-community/{'/'.join(parts[1:])}"})
        name = parts[-1]
        known = ["/".join(parts[:2]), parts[2], parts[3] in ("main", hub.commit)]
        if known != [hub.repository, "resolve", True] or name not in hub.files:
            return self.reply(404, {})
        data = hub.files[name]
        if name in hub.large:
            linked = {"X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"'}
            linked |= {"X-Linked-Size": len(data), "X-Repo-Commit": hub.commit}
            return self.reply(302, linked | {"Location": hub.location or f"/cdn/{name}"})
        return self.body(data, name)

    def body(self, data, name):
        hub = self.server.hub
        tag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": hub.commit}
        if name == hub.spoil:
            data = bytes([*data[:-1], data[-1] ^ 1])
        status, asked = 200, self.headers["Range"]
        if asked and hub.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            status, data = 206, data[start:]
        headers["Content-Length"] = len(data)
        if name in hub.large and hub.cuts and self.command == "GET":
            data = data[: hub.cuts.pop(0)]
            self.close_connection = True
        return self.reply(status, headers, data)


def publish_roberta(folder):
    """Files of a tiny RoBERTa that tells Fake from Real."""
    import json

    from tokenizers import pre_tokenizers
    from transformers import RobertaConfig, RobertaForSequenceClassification

    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pre_tokenizers.ByteLevel.alphabet(), "th", "<mask>"]
    config = RobertaConfig(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=20, type_vocab_size=1,
        id2label={0: "Fake", 1: "Real"}, label2id={"Fake": 0, "Real": 1},
    )  # fmt: skip
    RobertaForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\nt h\n")
    return {p.name: p.read_bytes() for p in folder.iterdir()}


Stand = namedtuple("Stand", "hub get home")


@pytest.fixture(scope="module")
def published(tmp_path_factory, tiny, tiny_tokenizer):
    folder = tmp_path_factory.mktemp("published")
    checkpoint.save_huggingface(folder, tiny, tiny_tokenizer)
    (folder / MANIFEST).unlink()
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def stand(published, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = Hub(dict(published))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"

    def fetch(name="gpt2", **options):
        return get(name, home=tmp_path, endpoint=endpoint, pause=0.001, **options)

    yield Stand(server.hub, fetch, tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.endswith(".part")]


def test_fetches_and_loads_by_any_alias(stand, same, tiny):
    seen = []
    folder = stand.get("small", progress=lambda *call: seen.append(call))
    assert folder == stand.home / "models" / "124M" == find_model("117M", home=stand.home)
    network, _ = checkpoint.load(folder)
    assert same(network, tiny)
    size = len(stand.hub.files[WEIGHTS])
    assert seen[-1][0] == "merges.txt"
    assert (WEIGHTS, size, size) in seen
    assert not leftovers(folder)
    revisions = {path.split("/")[-2] for _, path, _ in stand.hub.asked if "resolve" in path}
    assert revisions == {"main", COMMIT}  # main is asked once, the rest comes from its commit


def test_a_second_call_asks_nothing(stand):
    folder = stand.get()
    asked = len(stand.hub.asked)
    assert stand.get() == folder
    assert len(stand.hub.asked) == asked


def test_an_unknown_name_asks_nothing(stand):
    with pytest.raises(ValueError, match="no model is called"):
        stand.get("ladder-2M")
    assert not stand.hub.asked


def test_a_cut_is_resumed_where_it_stopped(stand, same, tiny):
    stand.hub.cuts = [1000, 500]
    folder = stand.get()
    ranges = [r for m, p, r in stand.hub.asked if m == "GET" and p.startswith("/cdn")]
    assert ranges == [None, "bytes=1000-", "bytes=1500-"]
    assert same(checkpoint.load_network(folder), tiny)


def test_a_later_call_resumes_what_an_earlier_one_left(stand, same, tiny):
    stand.hub.cuts = [1000, *[0] * 20]
    with pytest.raises(ConnectionError, match=r"was cut.*run the command again to go on") as caught:
        stand.get()
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="hallmark get"):
        find_model("gpt2", home=stand.home)
    stand.hub.cuts.clear()
    stand.hub.asked.clear()
    folder = stand.get()
    assert [r for m, p, r in stand.hub.asked if p.startswith("/cdn")] == ["bytes=1000-"]
    assert not stand.hub.count("GET")["config.json"]  # complete, so only its hash was asked for
    assert same(checkpoint.load_network(folder), tiny)
    assert not leftovers(folder)


def test_a_server_without_ranges_sends_all_again(stand, same, tiny):
    stand.hub.ranges = False
    stand.hub.cuts = [1000]
    assert same(checkpoint.load_network(stand.get()), tiny)


@pytest.mark.parametrize("name", [WEIGHTS, "merges.txt", "config.json"])
def test_a_corrupted_body_never_gets_its_name(stand, name):
    stand.hub.spoil = name
    with pytest.raises(ValueError, match="does not match the hash"):
        stand.get()
    folder = stand.home / "models" / "124M"
    assert not (folder / name).exists()
    assert not leftovers(folder)
    stand.hub.spoil = ""
    checkpoint.load(stand.get())


def test_a_part_of_another_version_is_not_gone_on_with(stand, same, tiny):
    stand.hub.cuts = [1000, *[0] * 20]
    wanted = stand.hub.files[WEIGHTS]
    stand.hub.files[WEIGHTS] = wanted[::-1]
    with pytest.raises(ConnectionError):
        stand.get()
    stand.hub.cuts.clear()
    stand.hub.files[WEIGHTS] = wanted
    assert same(checkpoint.load_network(stand.get()), tiny)


def test_a_file_damaged_on_disk_is_fetched_again(stand, same, tiny):
    folder = stand.get()
    (folder / WEIGHTS).write_bytes(b"damaged")
    stand.hub.asked.clear()
    assert same(checkpoint.load_network(stand.get()), tiny)
    assert stand.hub.count("GET").keys() == {WEIGHTS}


def test_shards_a_renamed_repository_and_tokenizer_json(
    stand, tiny_tokenizer, tmp_path, same, tiny
):
    from transformers import GPT2LMHeadModel

    checkpoint.save_huggingface(tmp_path / "whole", tiny, tiny_tokenizer)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "sharded", max_shard_size="10KB")
    files = {p.name: p.read_bytes() for p in (tmp_path / "sharded").iterdir()}
    vocabulary = {n: stand.hub.files[n] for n in ("vocab.json", "merges.txt")}
    stand.hub.files = files | vocabulary
    stand.hub.large = {n for n in files if n.endswith(".safetensors")}
    assert len(stand.hub.large) > 1
    assert same(checkpoint.load_network(stand.get("old/gpt2")), tiny)
    assert (stand.home / "models" / "old--gpt2" / MANIFEST).is_file()


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("roberta-base", "FacebookAI/roberta-base"),
        ("RoBERTa-large", "FacebookAI/roberta-large"),
        (DETECTOR, DETECTOR),
    ],
)
def test_encoders_by_name(stand, tmp_path, name, repository):
    """What is fetched opens without the hub, and its label is turned."""
    from hallmark.detect.encoders.published import load_folder

    stand.hub.files = publish_roberta(tmp_path / "roberta")
    stand.hub.repository = repository
    folder = stand.get(name)
    assert folder == find_model(name, home=stand.home)
    assert folder.name == repository.replace("/", "--")
    wanted = {"config.json", WEIGHTS, "vocab.json", "merges.txt"}
    assert stand.hub.count("GET").keys() == wanted
    found = load_folder(folder)
    assert found.trained
    asked = len(stand.hub.asked)
    assert stand.get(name) == folder
    assert len(stand.hub.asked) == asked


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (404, ValueError, "has no config.json; check the name"),
        (401, ValueError, "no such public model"),
        (500, ConnectionError, "answered 500; run the command again"),
    ],
)
def test_answers_that_are_no_file(stand, status, error, message):
    stand.hub.status = status
    with pytest.raises(error, match=message):
        stand.get()


def test_an_overloaded_hub_is_asked_again(stand):
    stand.hub.failures = 2
    checkpoint.load(stand.get())


def test_nobody_at_the_endpoint(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_port
    server.server_close()
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port} cannot be reached") as caught:
        get("gpt2", home=tmp_path, endpoint=f"http://127.0.0.1:{port}", pause=0.001)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["file:///etc", "ftp://x", "huggingface.co"])
def test_only_http(tmp_path, endpoint):
    with pytest.raises(ValueError, match="must begin with http"):
        get("gpt2", home=tmp_path, endpoint=endpoint)


def test_a_redirect_to_another_scheme_is_not_followed(stand, tmp_path):
    (tmp_path / "secret").write_text("x")
    stand.hub.location = f"file://{tmp_path}/secret"
    with pytest.raises(ConnectionError, match="answered 302"):
        stand.get()


def test_what_is_not_gpt2_or_has_no_hash_is_refused_before_the_weights(stand, monkeypatch):
    stand.hub.files["config.json"] = b'{"model_type": "llama"}'
    with pytest.raises(ValueError, match="of type 'llama', not a GPT-2"):
        stand.get()
    assert not stand.hub.count("HEAD")[WEIGHTS]
    monkeypatch.setattr(hashlib, "sha1", lambda *_, **__: hashlib.md5())
    with pytest.raises(ValueError, match="without a size and a hash"):
        stand.get()


def test_a_full_disk_is_said_before_and_during(stand, monkeypatch):
    usage = shutil.disk_usage(stand.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(OSError, match="make room") as caught:
        stand.get()
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    stand.get("gpt2", progress=None)
    (stand.home / "models" / "124M" / WEIGHTS).unlink()
    monkeypatch.setattr(download, "_read", full)
    with pytest.raises(OSError, match="No space left"):
        stand.get()
    monkeypatch.undo()
    checkpoint.load(stand.get())


def test_two_at_once(stand):
    from filelock import FileLock

    folder = stand.home / "models" / "124M"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"), pytest.raises(OSError, match="by another process"):
        stand.get()
    checkpoint.load(stand.get())


@pytest.mark.parametrize(
    "index",
    [
        '{"weight_map": {"a": "../x.safetensors"}}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {"a": []}}',
        "{}",
    ],
)
def test_an_index_that_names_files_elsewhere_is_refused(tmp_path, index):
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(ValueError, match="do not trust it"):
        shards(tmp_path / "index.json")
