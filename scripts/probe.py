"""Asks a PostgreSQL or RabbitMQ server whether Stentor can use it, without any client installed.

probe.py postgres HOST PORT USER   ends with 0 when USER gets in without a password
                                   and may create databases and roles
probe.py amqp HOST PORT            ends with 0 when guest/guest gets in at the virtual host /

probe.py delete-queues URL PREFIX  deletes the queues and exchanges of a test's installation

The reason for a refusal goes to standard error. Servers that are named by a URL are not probed
with it: the product checks those itself when it connects.
"""

import re
import socket
import struct
import sys
import urllib.parse
from pathlib import Path

TIMEOUT_S = 5
RIGHTS = "SELECT rolsuper OR (rolcreatedb AND rolcreaterole), current_setting('server_version_num') FROM pg_roles WHERE rolname = current_user"
POSTGRES_MIN = 150000


class Refused(Exception):
    """The server answered, and the answer is no."""


def receive(connection, size):
    """Exactly `size` bytes, or a refusal when the server hangs up first."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise Refused("the server closed the connection")
        data += part
    return data


def postgres_message(connection):
    """One message of the server: its kind and its body."""
    kind = receive(connection, 1)
    (size,) = struct.unpack("!I", receive(connection, 4))
    return kind, receive(connection, size - 4)


def postgres_error(body):
    """The readable part of an ErrorResponse."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return fields.get(b"M", "an error without a message")


def postgres(host, port, user):
    """Signs in by trust and looks at the rights of the user."""
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        options = f"user\0{user}\0database\0postgres\0\0".encode()
        connection.sendall(struct.pack("!II", len(options) + 8, 196608) + options)
        query = RIGHTS.encode() + b"\0"
        asked = False
        row = None
        while True:
            kind, body = postgres_message(connection)
            if kind == b"E":
                raise Refused(postgres_error(body))
            if kind == b"R" and struct.unpack("!I", body[:4])[0] != 0:
                raise Refused(f"a password is asked of the user {user}")
            if kind == b"D":
                row = columns(body)
            if kind == b"Z" and asked:
                break
            if kind == b"Z":
                connection.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
                asked = True
        connection.sendall(b"X\0\0\0\4")
    if row is None or row[0] != "t":
        raise Refused(f"the user {user} may not create databases and roles")
    if int(row[1]) < POSTGRES_MIN:
        raise Refused(f"it is version {int(row[1]) // 10000}, 15 or newer is needed")


def columns(body):
    """The texts of a DataRow."""
    (count,) = struct.unpack("!H", body[:2])
    texts, at = [], 2
    for _ in range(count):
        (size,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        texts.append(body[at : at + size].decode() if size >= 0 else None)
        at += max(size, 0)
    return texts


def amqp_method(connection):
    """The class and method numbers of the next frame."""
    header = receive(connection, 7)
    if header[:1] != b"\1":
        raise Refused("this is not AMQP 0-9-1")
    (size,) = struct.unpack("!I", header[3:7])
    payload = receive(connection, size + 1)
    return struct.unpack("!HH", payload[:4])


def amqp_send(connection, class_and_method, arguments, channel=0):
    """One method frame."""
    payload = struct.pack("!HH", *class_and_method) + arguments
    connection.sendall(struct.pack("!BHI", 1, channel, len(payload)) + payload + b"\xce")


def amqp_open(connection, user, password, virtual_host):
    """Signs in and opens the virtual host."""
    connection.sendall(b"AMQP\0\0\x09\x01")
    amqp_method(connection)
    secret = f"\0{user}\0{password}".encode()
    answer = struct.pack("!I", 0) + b"\5PLAIN" + struct.pack("!I", len(secret)) + secret + b"\5en_US"
    amqp_send(connection, (10, 11), answer)
    if amqp_method(connection) != (10, 30):
        raise Refused(f"the user {user} is not let in")
    # One channel is all that is used, frames of 128 KiB, no heartbeat.
    amqp_send(connection, (10, 31), struct.pack("!HIH", 1, 131072, 0))
    amqp_send(connection, (10, 40), short_text(virtual_host) + b"\0\0")
    if amqp_method(connection) != (10, 41):
        raise Refused(f"the user {user} may not use the virtual host {virtual_host}")


def amqp_close(connection):
    """Ends the connection in due form, or the broker warns in its log."""
    amqp_send(connection, (10, 50), struct.pack("!H", 200) + b"\0" + struct.pack("!HH", 0, 0))
    amqp_method(connection)


def short_text(text):
    """A text of at most 255 bytes as AMQP writes it."""
    data = text.encode()
    return struct.pack("!B", len(data)) + data


def amqp(host, port):
    """Opens a connection as guest and closes it."""
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        amqp_open(connection, "guest", "guest", "/")
        amqp_close(connection)


def broker_names(prefix):
    """The queues and exchanges of an installation: the names that platform/src/broker.rs declares."""
    source = Path(__file__).resolve().parent.parent / "platform" / "src" / "broker.rs"
    names = re.findall(r'const (\w*(?:QUEUE|EXCHANGE)): &str = "([^"]+)"', source.read_text())
    if not names:
        raise Refused(f"no queue names are found in {source}")
    for kind, name in names:
        yield kind.endswith("QUEUE"), prefix + name


def delete_queues(url, prefix):
    """Deletes what a test's installation declared; what is not there is no error."""
    parts = urllib.parse.urlsplit(url)
    user, password = (urllib.parse.unquote(part or "guest") for part in (parts.username, parts.password))
    virtual_host = urllib.parse.unquote(parts.path[1:]) or "/"
    with socket.create_connection((parts.hostname, parts.port or 5672), TIMEOUT_S) as connection:
        amqp_open(connection, user, password, virtual_host)
        amqp_send(connection, (20, 10), b"\0", channel=1)
        amqp_method(connection)
        for is_queue, name in broker_names(prefix):
            method = (50, 40) if is_queue else (40, 20)
            amqp_send(connection, method, b"\0\0" + short_text(name) + b"\0", channel=1)
            if amqp_method(connection) != (method[0], method[1] + 1):
                raise Refused(f"{name} could not be deleted")
        amqp_close(connection)


def main(arguments):
    """Runs the named probe; 0 for yes, 1 for no, 2 for a wrong call."""
    probes = {"postgres": (postgres, 4), "amqp": (amqp, 3), "delete-queues": (delete_queues, 3)}
    probe, count = probes.get(arguments[0] if arguments else "", (None, 0))
    if probe is None or len(arguments) != count:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        probe(*arguments[1:])
    except (OSError, Refused, struct.error) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
