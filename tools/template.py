"""template.yml into functions: what to run, when, and how often to try again."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from fanlight.errors import ConfigError
from fanlight.place import SCHEME
from tools.timer import Timer

_VARIABLE = re.compile(r"\$\{(vars\.\w+|this\.name)\}")
_REFERENCE = re.compile(r"\$\{(resources\.([\w-]+)\.props\.(\w+))\}")
_ROOT = Path(__file__).parent.parent

SOURCE = _ROOT / "functions"
"""The code that packages are made of, and what the local cloud runs unless told otherwise."""


@dataclass(frozen=True)
class Trigger:
    """An OSS trigger: which creating calls on which keys of which bucket invoke the function.

    `role`: the ARN of what OSS acts as to invoke it; empty when the deployment picks one.
    """

    bucket: str
    events: frozenset[str]
    prefix: str
    suffix: str
    name: str
    qualifier: str
    region: str
    role: str

    def matches(self, bucket: str, name: str, key: str) -> bool:
        """`name` as events spell it, without `oss:` in front."""
        return (
            bucket == self.bucket
            and (name in self.events or f"{name.partition(':')[0]}:*" in self.events)
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )


@dataclass(frozen=True)
class Function:
    """One function of the template. Timeouts and ages are in seconds.

    `resource`: what the template calls it; `name`: what the platform does. `code`: a folder, or
    the zip that `fanlight package` makes, which need not be there yet. `role`: the ARN of what the
    function acts as. `log_project` and `log_store`: both `auto` when the deployment makes them,
    both empty without logs. `cpu`: vCPUs, 0 where it is left to the platform. `reserved`: instances
    it has, kept from all other functions, and the most it may have; None where it shares the rest.
    """

    resource: str
    name: str
    code: Path
    runtime: str
    handler: str
    initializer: str | None
    initializer_timeout: float
    pre_stop: str | None
    timeout: float
    memory_mb: int
    environment: dict[str, str]
    triggers: tuple[Trigger, ...]
    retries: int
    max_age: float
    on_failure: str | None
    on_failure_arn: str
    role: str
    cpu: float
    disk_mb: int
    pre_stop_timeout: float
    log_project: str
    log_store: str
    reserved: int | None = None
    timers: tuple[Timer, ...] = ()


@dataclass(frozen=True)
class Template:
    """Every function of a template.yml, and the region they are in."""

    functions: tuple[Function, ...]
    region: str
    account: str

    @property
    def buckets(self) -> list[str]:
        """Every bucket a trigger or a setting names, sorted."""
        named = {trigger.bucket for function in self.functions for trigger in function.triggers}
        for function in self.functions:
            for value in function.environment.values():
                if value.startswith(SCHEME):
                    named.add(value.removeprefix(SCHEME).partition("/")[0])
        return sorted(named)


def read_template(path: Path) -> Template:
    """Read a Serverless Devs 3 template; ConfigError says what is missing."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(document, dict) or not isinstance(document.get("resources", {}), dict):
            raise ConfigError(
                f"{path} is not a Serverless Devs 3 template: it has no functions below resources"
            )
        variables = {
            f"vars.{name}": str(value) for name, value in (document.get("vars") or {}).items()
        }
        resources = {
            name: _filled(resource, {**variables, "this.name": name})
            for name, resource in document["resources"].items()
        }
        functions = tuple(
            _function(name, _referred(resource["props"], resources), path.parent)
            for name, resource in resources.items()
            if resource["component"] == "fc3"
        )
        region = str(next(iter(resources.values()))["props"]["region"])
    except StopIteration:
        raise ConfigError(f"{path}: resources is empty") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    except KeyError as error:
        raise ConfigError(f"{path}: {error.args[0]} is missing") from None
    except (
        AttributeError,
        TypeError,
        ValueError,
        IndexError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise ConfigError(f"{path} is not a Serverless Devs 3 template: {error}") from None
    return Template(functions, region, variables.get("vars.account", "0"))


def from_source(template: Template) -> Template:
    """The same functions, with this project's own code where the template names a package."""
    return replace(
        template,
        functions=tuple(
            replace(function, code=SOURCE) if function.code.suffix == ".zip" else function
            for function in template.functions
        ),
    )


def project_template() -> Path:
    """The template that ships with the project."""
    return _ROOT / "template.yml"


def _filled(value: Any, variables: dict[str, str]) -> Any:
    """`value` with every `${vars.x}` and `${this.name}` replaced; KeyError for an unknown name."""
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: variables[found[1]], value)
    return value


def _referred(props: dict[str, Any], resources: dict[str, Any]) -> dict[str, Any]:
    """`props`, where one that is `${resources.x.props.y}` becomes what y of x is."""
    found = dict(props)
    for name, value in props.items():
        if reference := _REFERENCE.fullmatch(str(value)):
            whole, resource, key = reference.groups()
            try:
                found[name] = resources[resource]["props"][key]
            except KeyError:
                raise KeyError(whole) from None
    return found


def _function(resource: str, props: dict[str, Any], root: Path) -> Function:
    lifecycle = props.get("instanceLifecycleConfig", {})
    log = props.get("logConfig") or {}
    log = {"project": log, "logstore": log} if isinstance(log, str) else log
    initializer = lifecycle.get("initializer", {})
    asynchronous = props.get("asyncInvokeConfig", {})
    destination = asynchronous.get("destinationConfig", {}).get("onFailure", {}).get("destination")
    return Function(
        resource=resource,
        name=props["functionName"],
        code=(root / props["code"]).resolve(),
        runtime=props["runtime"],
        handler=str(props["handler"]),
        initializer=initializer.get("handler"),
        initializer_timeout=float(initializer.get("timeout", 3)),
        pre_stop=lifecycle.get("preStop", {}).get("handler"),
        timeout=float(props.get("timeout", 3)),
        memory_mb=int(props["memorySize"]),
        environment={k: str(v) for k, v in props.get("environmentVariables", {}).items()},
        triggers=tuple(
            _trigger(item) for item in props.get("triggers", []) if item["triggerType"] == "oss"
        ),
        retries=int(asynchronous.get("maxAsyncRetryAttempts", 3)),
        max_age=float(asynchronous.get("maxAsyncEventAgeInSeconds", 86400)),
        on_failure=destination.rpartition("/")[2] if destination else None,
        on_failure_arn=destination or "",
        role=str(props.get("role", "")),
        cpu=float(props.get("cpu", 0)),
        disk_mb=int(props.get("diskSize", 512)),
        pre_stop_timeout=float(lifecycle.get("preStop", {}).get("timeout", 3)),
        log_project=str(log.get("project", "")),
        log_store=str(log.get("logstore", "")),
        reserved=_whole(props.get("concurrencyConfig", {}).get("reservedConcurrency")),
        timers=tuple(
            Timer.read(item) for item in props.get("triggers", []) if item["triggerType"] == "timer"
        ),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _trigger(item: dict[str, Any]) -> Trigger:
    config = item["triggerConfig"]
    key = config["filter"]["key"]
    arn = item["sourceArn"].split(":")
    return Trigger(
        bucket=arn[4],
        events=frozenset(name.removeprefix("oss:") for name in config["events"]),
        prefix=str(key["prefix"]),
        suffix=str(key["suffix"]),
        name=str(item["triggerName"]),
        qualifier=str(item.get("qualifier", "LATEST")),
        region=arn[2],
        role=str(item.get("invocationRole", "")),
    )
