#!/usr/bin/env python3
"""Builds a table of promises from waihu's stream, and shows how a receiver takes repeats.

    pip install nats-py
    promises.py --url nats://127.0.0.1:4222 --table promises.db

Every message may come twice: after a kill of either side, after a replay. The rules that make it harmless:

- what is written for a message is written in one transaction, before the message is acknowledged;
- a row is named by its attempt, and a message with an older revision than the row's changes nothing.
"""

import argparse
import asyncio
import json
import os
import sqlite3

import nats
from nats.js.api import ConsumerConfig

SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (attempt TEXT PRIMARY KEY, revision INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS promises (
    attempt  TEXT PRIMARY KEY,
    case_id  TEXT NOT NULL,
    date     TEXT NOT NULL,
    amount   TEXT NOT NULL, -- decimal, as it was written: no floats for money
    currency TEXT NOT NULL
);
"""


def take(table: sqlite3.Connection, event: dict) -> None:
    """Writes what an outcome says, unless it is known already."""
    outcome, revision = event["data"]["outcome"], event["data"]["revision"]
    attempt = outcome["attempt"]
    with table:  # one transaction
        newer = table.execute(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT (attempt) DO UPDATE SET revision = excluded.revision "
            "WHERE excluded.revision > seen.revision",
            (attempt, revision),
        )
        if newer.rowcount == 0:
            return
        # A corrected record may have another promise, or none.
        table.execute("DELETE FROM promises WHERE attempt = ?", (attempt,))
        promise = outcome["promise"]
        if promise:
            table.execute(
                "INSERT INTO promises VALUES (?, ?, ?, ?, ?)",
                (attempt, outcome["case"], promise["date"], promise["amount"], promise["currency"]),
            )


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--url", default="nats://127.0.0.1:4222")
    options.add_argument("--stream", default="WAIHU")
    options.add_argument("--subject", default="waihu.outcome")
    options.add_argument("--durable", default="promises", help="the name under which the server keeps our place")
    options.add_argument("--table", default="promises.db")
    options.add_argument("--ack-wait", type=float, default=30, help="seconds until a message comes again")
    options.add_argument("--until-idle", type=float, help="ends when nothing came for so many seconds")
    options.add_argument("--die-after", type=int, help="for tests: dies before it acknowledges so many")
    o = options.parse_args()

    table = sqlite3.connect(o.table)
    table.executescript(SCHEMA)
    client = await nats.connect(o.url)
    messages = await client.jetstream().pull_subscribe(
        o.subject, durable=o.durable, stream=o.stream, config=ConsumerConfig(ack_wait=o.ack_wait)
    )
    taken = 0
    while True:
        try:
            batch = await messages.fetch(50, timeout=o.until_idle or 60)
        except asyncio.TimeoutError:  # nothing came
            if o.until_idle:
                break
            continue
        for message in batch:
            take(table, json.loads(message.data))
            taken += 1
            if taken == o.die_after:
                os._exit(9)
            await message.ack()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
