#!/usr/bin/env python3
"""Verifies an audit archive of Stentor, from its description alone (docs/audit-format.md).

It shares no code with the product. It needs Python 3.9 or newer and one package for Ed25519:

    python3 -m venv .dev/verify && .dev/verify/bin/pip install cryptography

    .dev/verify/bin/python tools/verify.py ARCHIVE.zip [--key PUBLIC-KEY.pem] [--checkpoint KEPT.txt]..

Give the public key and the checkpoints that you got and kept yourself: those in the archive come from whom you
are checking. The exit status is 0 when everything holds, 1 when something does not, 2 when the archive cannot be
read at all.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

ZERO = bytes(32)


class Wrong(Exception):
    """Something does not hold."""


def sha(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def leaf_hash(entry):
    return sha(b"\x00", entry)


def node_hash(left, right):
    return sha(b"\x01", left, right)


def link(head, leaf):
    return sha(b"\x02", head, leaf)


class Tree:
    """An RFC 6962 Merkle tree, kept as the roots of its perfect subtrees, largest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def push(self, hash_, leaves=1):
        """Adds a perfect subtree of so many leaves."""
        self.size += leaves
        while self.peaks and self.peaks[-1][0] == leaves:
            hash_ = node_hash(self.peaks.pop()[1], hash_)
            leaves *= 2
        self.peaks.append((leaves, hash_))

    def root(self):
        if not self.peaks:
            return sha()
        hash_ = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            hash_ = node_hash(left, hash_)
        return hash_


def included(root, index, size, hash_, path):
    """RFC 9162, 2.1.3.2."""
    node, last = index, size - 1
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            hash_ = node_hash(step, hash_)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, step)
        node, last = node >> 1, last >> 1
    return last == 0 and hash_ == root


def consistent(old_root, old, root, size, path):
    """RFC 9162, 2.1.4.2."""
    if old == size:
        return not path and old_root == root
    if old & (old - 1) == 0:
        path = [old_root] + path
    if not path:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old = from_new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            from_old, from_new = node_hash(step, from_old), node_hash(step, from_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            from_new = node_hash(from_new, step)
        node, last = node >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == root


class Checkpoint:
    """A signed note: seven lines of text, an empty one, the signature."""

    def __init__(self, signed, key, name):
        self.name = name
        text, separator, signatures = signed.partition("\n\n")
        lines = text.split("\n")
        if not separator or len(lines) != 6:
            raise Wrong(f"{name} is no checkpoint")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2])
        self.head = bytes.fromhex(after(lines[3], "head ", name))
        count, tenants_root = after(lines[4], "tenants ", name).split(" ")
        self.tenants, self.tenants_root = int(count), bytes.fromhex(tenants_root)
        self.time = after(lines[5], "time ", name)
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = sha(self.origin.encode(), b"\n\x01", raw)[:4]
        prefix = f"\u2014 {self.origin} "
        for line in signatures.split("\n"):
            if line.startswith(prefix):
                signature = base64.b64decode(line[len(prefix):])
                if signature[:4] == key_id:
                    try:
                        key.verify(signature[4:], (text + "\n").encode())
                        return
                    except InvalidSignature:
                        break
        raise Wrong(f"{name} is not signed by the audit key")


def after(line, prefix, name):
    if not line.startswith(prefix):
        raise Wrong(f"{name}: a line does not begin with {prefix!r}")
    return line[len(prefix):]


class Sums:
    """Follows streams and credits; knows of the business what the description says."""

    def __init__(self, whole):
        self.whole = whole
        self.sequences = {}
        self.balances = {}
        self.totals = {"purchased": 0, "adjusted": 0, "debited": 0}
        self.wrong = []

    def add(self, number, event):
        stream = (event["aggregate_type"], event["aggregate_id"])
        last = self.sequences.get(stream)
        expected = last + 1 if last is not None else 1 if self.whole else event["sequence"]
        if event["sequence"] != expected:
            self.wrong.append(
                f"number {number}: stream {'/'.join(stream)} goes on with {event['sequence']} instead of {expected}"
            )
        self.sequences[stream] = event["sequence"]
        if event["aggregate_type"] == "credit_account":
            self.credit(number, event)

    def credit(self, number, event):
        payload = event["payload"]
        body = payload.get(event["event_type"], {}) if isinstance(payload, dict) else {}
        names = {"CreditsPurchased": ("purchased", 1), "CreditsAdjusted": ("adjusted", 1), "CreditsDebited": ("debited", -1)}
        if event["event_type"] not in names or not {"credits", "balance_after"} <= body.keys():
            return
        name, sign = names[event["event_type"]]
        self.totals[name] += body["credits"]
        account = event["aggregate_id"]
        known = self.whole or account in self.balances
        balance = self.balances.get(account, 0) + sign * body["credits"]
        if known and balance != body["balance_after"] or body["balance_after"] < 0:
            self.wrong.append(
                f"number {number}: account {account} states {body['balance_after']}, its movements give {balance}"
            )
        self.balances[account] = body["balance_after"]


class Archive:
    def __init__(self, file, key_file, kept):
        self.zip = zipfile.ZipFile(file)
        self.wrong = []
        pem = open(key_file, "rb").read() if key_file else self.zip.read("public-key.pem")
        self.key = load_pem_public_key(pem)
        if not isinstance(self.key, Ed25519PublicKey):
            raise Wrong("the public key is no Ed25519 key")
        self.manifest = json.loads(self.zip.read("manifest.json"))
        if self.manifest["format"] != "stentor-audit-archive/1":
            raise Wrong(f"the archive has the format {self.manifest['format']!r}, which this program does not know")
        self.kind = self.manifest["kind"]
        self.checkpoints = []
        for name in sorted(self.zip.namelist()):
            if name.startswith("checkpoints/"):
                self.read_checkpoint(self.zip.read(name).decode(), name)
        self.last = next((c for c in self.checkpoints if c.name == self.manifest["checkpoint"]), None)
        if self.last is None:
            raise Wrong("; ".join(self.wrong) or "the archive's own checkpoint is missing")
        for name in kept:
            self.read_checkpoint(open(name, encoding="utf-8").read(), name)
        self.checkpoints.sort(key=lambda checkpoint: checkpoint.size)

    def read_checkpoint(self, text, name):
        try:
            self.checkpoints.append(Checkpoint(text, self.key, name))
        except (Wrong, ValueError) as error:
            self.wrong.append(str(error))

    def json(self, name):
        return json.loads(self.zip.read(name))

    def lines(self, name):
        with self.zip.open(name) as file:
            for line in file:
                yield line.rstrip(b"\n")

    def expect(self, holds, text):
        if not holds:
            self.wrong.append(text)

    def verify(self):
        sums = Sums(self.kind in ("all", "tenant"))
        {"all": self.verify_all, "range": self.verify_range, "tenant": self.verify_tenant}[self.kind](sums)
        self.wrong.extend(sums.wrong)
        return sums

    def events(self, numbers, sums):
        """Yields number and leaf of each event."""
        count = 0
        numbers = iter(numbers)
        for line in self.lines("events.jsonl"):
            number = next(numbers, None)
            if number is None:
                self.wrong.append(f"there are more than {count} events")
                return
            count += 1
            try:
                sums.add(number, json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self.wrong.append(f"number {number} cannot be read: {error!r}")
            yield number, json_tenant(line), leaf_hash(line)
        self.expect(count == self.manifest["events"], f"{self.manifest['events']} events are announced, {count} are there")

    def verify_all(self, sums):
        tree, head, tenants = Tree(), ZERO, {}
        waiting = list(self.checkpoints)
        waiting = self.compare(waiting, tree, head)
        for _, tenant, leaf in self.events(range(1, self.last.size + 1), sums):
            tree.push(leaf)
            head = link(head, leaf)
            events, own = tenants.get(tenant, (0, ZERO))
            tenants[tenant] = (events + 1, link(own, leaf))
            waiting = self.compare(waiting, tree, head)
        for checkpoint in waiting:
            self.wrong.append(f"{checkpoint.name} covers {checkpoint.size} events, the archive holds {tree.size}")
        lines = [tenant_line(tenant, *end) for tenant, end in sorted(tenants.items(), key=lambda item: item[0].encode())]
        self.expect(lines == list(self.lines("tenants.jsonl")), "the tenants' chains are not those of the events")
        over_tenants = Tree()
        for line in lines:
            over_tenants.push(leaf_hash(line))
        self.expect(
            (len(lines), over_tenants.root()) == (self.last.tenants, self.last.tenants_root),
            "the tenants' chains are not those of the checkpoint",
        )

    def compare(self, waiting, tree, head):
        while waiting and waiting[0].size <= tree.size:
            checkpoint = waiting.pop(0)
            self.expect(checkpoint.root == tree.root(), f"{checkpoint.name}: the events give another root")
            self.expect(checkpoint.head == head, f"{checkpoint.name}: the events give another head of the chain")
        return waiting

    def verify_range(self, sums):
        proofs, tree = self.json("proofs.json"), Tree()
        first, last = self.manifest["first"], self.manifest["last"]
        before = iter(bytes.fromhex(text) for text in proofs["before"])
        after_ = iter(bytes.fromhex(text) for text in proofs["after"])
        try:
            for leaves in perfect(0, first - 1):
                tree.push(next(before), leaves)
            for _, _, leaf in self.events(range(first, last + 1), sums):
                tree.push(leaf)
            for leaves in perfect(last, self.last.size):
                tree.push(next(after_), leaves)
        except StopIteration:
            self.wrong.append("proofs.json has too few hashes")
        self.expect(
            (tree.size, tree.root()) == (self.last.size, self.last.root),
            "the events and their surroundings do not give the checkpoint's root",
        )
        self.verify_consistency(proofs["consistency"])

    def verify_tenant(self, sums):
        proofs = self.json("proofs.json")
        paths = [json.loads(line) for line in self.lines("inclusion.jsonl")]
        numbers = [path["number"] for path in paths]
        self.expect(numbers == sorted(set(numbers)), "the events' numbers are not in order")
        tenant, head, count = proofs["tenant"]["tenant"], ZERO, 0
        for (number, owner, leaf), path in zip(self.events(numbers, sums), paths):
            steps = [bytes.fromhex(step) for step in path["path"]]
            self.expect(owner == tenant, f"number {number} belongs to another tenant")
            self.expect(
                included(self.last.root, number - 1, self.last.size, leaf, steps),
                f"number {number} is not in the checkpoint's tree",
            )
            head, count = link(head, leaf), count + 1
        self.expect(self.manifest["tenant"] == tenant, "the manifest names another tenant")
        line = tenant_line(tenant, count, head)
        self.expect(
            included(
                self.last.tenants_root, proofs["index"], self.last.tenants, leaf_hash(line),
                [bytes.fromhex(step) for step in proofs["path"]],
            ),
            "these are not all events of the tenant that the checkpoint covers, or not in their order",
        )
        self.verify_consistency(proofs["consistency"])

    def verify_consistency(self, proof):
        """The archive's own earlier checkpoint; kept ones need an archive of kind 'all'."""
        for checkpoint in self.checkpoints:
            if checkpoint.size == self.last.size:
                self.expect(checkpoint.root == self.last.root, f"{checkpoint.name} and {self.last.name} differ")
            elif checkpoint.size == proof["from"]:
                path = [bytes.fromhex(step) for step in proof["path"]]
                self.expect(
                    consistent(checkpoint.root, checkpoint.size, self.last.root, self.last.size, path),
                    f"{checkpoint.name} is not the beginning of {self.last.name}",
                )
            else:
                self.wrong.append(f"{checkpoint.name} cannot be compared with this archive: take one of all events")


def json_tenant(line):
    try:
        return json.loads(line)["metadata"]["tenant_id"]
    except (ValueError, KeyError, TypeError):
        return ""


def tenant_line(tenant, events, head):
    return f'{{"events":{events},"head":"{head.hex()}","tenant":{json.dumps(tenant, ensure_ascii=False)}}}'.encode()


def perfect(start, end):
    """Sizes of the perfect subtrees that cover leaves start to end, from left to right."""
    while start < end:
        leaves = 1 << ((end - start).bit_length() - 1)
        if start:
            leaves = min(leaves, start & -start)
        yield leaves
        start += leaves


def main():
    parser = argparse.ArgumentParser(description="Verifies an audit archive of Stentor.")
    parser.add_argument("archive")
    parser.add_argument("--key", metavar="PEM", help="the public key as you got it; that of the archive otherwise")
    parser.add_argument("--checkpoint", metavar="FILE", action="append", default=[], help="a checkpoint that you kept")
    arguments = parser.parse_args()
    try:
        archive = Archive(arguments.archive, arguments.key, arguments.checkpoint)
        sums = archive.verify()
    except Wrong as error:
        print(f"WRONG: {error}")
        return 1
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        print(f"the archive cannot be read: {error!r}")
        return 2
    for text in archive.wrong[:100]:
        print(f"WRONG: {text}")
    last = archive.last
    print(f"{archive.manifest['events']} events ({archive.kind}), {len(archive.checkpoints)} checkpoints, the last over "
          f"{last.size} events at {last.time}")
    print(f"root {last.root.hex()}  head {last.head.hex()}")
    print("credits: " + ", ".join(f"{name} {total}" for name, total in sums.totals.items())
          + f", balances {sum(sums.balances.values())} in {len(sums.balances)} accounts")
    if not arguments.key:
        print("note: the public key was taken from the archive itself; pass the one that you know with --key")
    print(f"{len(archive.wrong)} violations" if archive.wrong else "everything holds")
    return 1 if archive.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
