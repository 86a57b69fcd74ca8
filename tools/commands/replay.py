"""`fanlight replay`: invoke a function with events from files, or made for a key."""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import oss2

from fanlight import event as events
from fanlight.errors import EventError
from fanlight.place import Place
from tools.credentials import present
from tools.events import oss_event
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.instance import Answer, Instance, OnLine, default_python
from tools.localcloud.oss import Credentials
from tools.places import Access, access_options
from tools.replayed import Given, function_for, function_for_key, given_in
from tools.samples import sample
from tools.shown import shown
from tools.template import Function, Template, from_source, project_template, read_template


@click.command()
@click.argument("files", metavar="[EVENT.json]...", nargs=-1,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--key", help="Make the event of an upload to this key instead of reading one.")
@click.option("--print", "only_print", is_flag=True, help="Print the events and invoke nothing.")
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Without --endpoint: the picture at each key the events name.")  # fmt: skip
@click.option("--template", "-t", type=click.Path(path_type=Path), default=project_template(),
              help="[default: the project's template.yml]")  # fmt: skip
@click.option("--function", "name",
              help="[default: the one of the template that it is for]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the function's answers as they are.")
@click.option("--logs", is_flag=True, help="Show what the function logs, on standard error.")
@access_options
def command(
    files: tuple[Path, ...], key: str | None, image: Path | None, template: Path,
    name: str | None, access: Access, *, only_print: bool, as_json: bool, logs: bool,
) -> int:  # fmt: skip
    """Invoke the function with each EVENT.json in turn, as the platform would.

    A dead letter is taken too, or a file with one a line, as `fanlight results --to jsonl` writes
    them: what is replayed is the event that the letter holds.

    With --endpoint (or FANLIGHT_OSS_ENDPOINT) it works on the buckets there: those of
    `fanlight up`, or real ones. Without, on a local cloud of its own, where a sample picture lies
    at each key the events name.

    \b
    fanlight replay events/*.json
    fanlight replay --key input/digits/7.png --print > event.json
    """
    described = from_source(read_template(template))
    given = [one for path in files for one in given_in(str(path), path.read_bytes())]
    if key is not None:
        uploads, bucket = function_for_key(described, name, key)
        made = oss_event(bucket, key, region=described.region, account=described.account)
        event = json.dumps(made, ensure_ascii=False).encode("utf-8", "surrogatepass")
        given.append(Given(key, event, uploads.name))
    if not given:
        raise click.UsageError("name an event's file, or a --key to make one for")
    if only_print:
        for one in given:
            click.echo(one.event)
        return 0
    failed = 0
    with ExitStack() as stack:
        reach = _reach(stack, described, access)
        targets: dict[str, _Target] = {}
        for one in given:
            function = function_for(described, name, one)
            if function.name not in targets:
                target = _Target(function, *reach, _log if logs else _no_log)
                stack.callback(target.close)
                targets[function.name] = target
            target = targets[function.name]
            if not access.endpoint:
                _place_pictures(target, one.event, image)
            answer = target.instance().invoke("replay", one.event, target.keys)
            failed += not answer.ok
            click.echo(answer.payload if as_json else _told(one.title, answer))
    return 1 if failed else 0


@dataclass
class _Target:
    """A function, and the OSS it is to work on."""

    function: Function
    endpoint: str
    region: str
    keys: Credentials
    on_line: OnLine
    running: Instance | None = None

    def instance(self) -> Instance:
        """The instance, a new one if the last has died."""
        if self.running is None or not self.running.alive:
            environment = {
                "FANLIGHT_OSS_ENDPOINT": self.endpoint,
                "FC_REGION": self.region,
                "FC_ACCOUNT_ID": "0",
            }
            self.running = Instance(self.function, environment, default_python(), self.on_line)
        return self.running

    def close(self) -> None:
        """End the instance."""
        if self.running is not None:
            self.running.stop(self.keys)


def _reach(stack: ExitStack, template: Template, access: Access) -> tuple[str, str, Credentials]:
    """Endpoint, region and keys of the OSS to work on."""
    if access.endpoint:
        found = present(os.environ)
        keys = Credentials(found.access_key_id, found.access_key_secret, found.token)
        return access.endpoint, access.region or template.region, keys
    quiet = tuple(replace(item, triggers=(), timers=()) for item in template.functions)
    cloud = stack.enter_context(LocalCloud(replace(template, functions=quiet)))
    return cloud.endpoint.url, template.region, cloud.keys


def _place_pictures(target: _Target, event: bytes, image: Path | None) -> None:
    """Make the event true: put a picture at every key it says was created."""
    text = target.function.environment.get("FANLIGHT_INPUT")
    if text is None:  # it takes no images
        return
    place = Place.parse(text)
    auth = oss2.AuthV4(target.keys.access_key_id, target.keys.access_key_secret)
    bucket = oss2.Bucket(auth, target.endpoint, place.bucket, region=target.region)
    try:
        records = events.parse(event)
    except EventError:
        return  # the function is to say so
    for record in records:
        if events.why_ignored(record, place) is None:
            data = image.read_bytes() if image else sample(record.key)
            bucket.put_object(record.key, data)


def _told(title: str, answer: Answer) -> str:
    """One line a key, or the error."""
    document: dict[str, Any] = json.loads(answer.payload)
    if not answer.ok:
        return f"{shown(title)}\n  error: {shown(document['errorMessage'])}"
    lines = [shown(title)]
    if "outcomes" not in document:  # a sweep's
        told = (f"{name} {_plain(value)}" for name, value in document.items())
        return "\n".join([*lines, *(f"  {shown(line)}" for line in told)])
    for item in document["outcomes"]:
        rest = item.get("label") or item.get("reason", "")
        score = f" ({item['score']:.4f})" if "score" in item else ""
        lines.append(f"  {item['outcome']:<10} {shown(item['key'])}  {shown(rest)}{score}")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _no_log(_function: str, _line: str) -> None:
    """Answers alone are shown."""


def _log(_function: str, line: str) -> None:
    click.echo(shown(line), err=True)
