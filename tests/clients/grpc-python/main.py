"""Does what users of the 5.x Python client do, against servers that are already there, and prints one line for each case:
`ok NAME`, `FAIL NAME: expected …, saw …`, or `skip NAME: needs …`. Cases run side by side; each has topics and groups of its own."""

import argparse
import collections
import logging
import os
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

# Cases mostly wait, so many more of them than processors run at once.
AT_ONCE = 12

Address = collections.namedtuple("Address", "remoting grpc")
# A case's name is its function's; `needs` are the options without which it cannot run.
Case = collections.namedtuple("Case", "name body needs")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["cases", "orphan"])
    parser.add_argument("--namesrv", dest="name_server", help="address of the name server")
    parser.add_argument("--brokers", required=True, help="all brokers: NAME=REMOTING_ADDR/GRPC_ADDR,...")
    parser.add_argument("--broker", required=True, help="the broker that cases use unless they need another")
    parser.add_argument("--restartable", help="the broker of another cluster that the runner restarts when asked")
    parser.add_argument("--pair", help="NAME,NAME: two brokers of one cluster, of which the runner kills one when asked")
    parser.add_argument("--durable", help="`yes` if a broker that was restarted knows what it had handed out")
    parser.add_argument("--lite", help="`yes` if the brokers serve lite topics")
    parser.add_argument("--roots", help="file with the certificate of who has issued the broker's")
    parser.add_argument("--only", default="", help="run the cases whose name contains this, or one of several between commas")
    parser.add_argument("--work", default=tempfile.gettempdir(), help="folder for the client's log")
    parser.add_argument("--topic", help="the topic on which to leave a transaction behind")
    options = parser.parse_args()
    brokers = (broker.split("=") for broker in options.brokers.split(","))
    options.brokers = {name: Address(*addresses.split("/")) for name, addresses in brokers}
    options.pair = options.pair.split(",") if options.pair else []
    # Makes the names of this run's topics and groups unique.
    options.run = f"{time.time_ns() // 1_000_000 % 1_000_000_000:x}{os.getpid():x}"
    return options


def all_cases():
    import failure_cases
    import lite_cases
    import push_cases
    import refusal_cases
    import send_cases
    import simple_cases
    import timer_cases
    import transaction_cases

    # The longest first, so that none of them is the only one left at the end.
    modules = [failure_cases, simple_cases, push_cases, lite_cases, transaction_cases, timer_cases, send_cases, refusal_cases]
    for module in modules:
        for body in module.CASES:
            yield Case(body.__name__.replace("_", "-"), body, getattr(body, "needs", ()))


def run_case(case, options, runner):
    from expect import Failure, shorten
    from scene import Scene

    started = time.monotonic()
    scene = Scene(case.name, options, runner)
    try:
        case.body(scene)
        runner.say(f"ok {case.name} ({time.monotonic() - started:.1f} s)")
        return True
    except Failure as failure:
        runner.say(f"FAIL {case.name}: {failure}{place(failure)}")
    except BaseException as problem:
        runner.say(f"FAIL {case.name}: expected no exception, saw {shorten(problem)}{place(problem)}")
    finally:
        scene.close()
    return False


def place(problem):
    """The line of the case that was reached, which tells checks with the same words apart."""
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        if frame.filename.endswith("_cases.py"):
            return f" ({os.path.basename(frame.filename)}:{frame.lineno})"
    return ""


def run_all(options):
    """Runs the selected cases and returns how many failed."""
    from runner import Runner

    started = time.monotonic()
    runner = Runner()
    selected = []
    for case in all_cases():
        if not any(text in case.name for text in options.only.split(",")):
            continue
        lacking = [f"--{need}" for need in case.needs if not getattr(options, need)]
        if lacking:
            runner.say(f"skip {case.name}: needs {' and '.join(lacking)}")
        else:
            selected.append(case)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        passed = sum(pool.map(lambda case: run_case(case, options, runner), selected))
    failed = len(selected) - passed
    runner.say(f"{len(selected)} cases, {failed} failed, {time.monotonic() - started:.1f} s")
    return failed


def main():
    options = parse_options()
    # The client writes its log below the home folder as soon as it is imported, hence the late imports.
    os.environ["HOME"] = options.work
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if options.roots:
        # The client has no setting for whom it trusts: it is the library's.
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = options.roots
    if options.command == "orphan":
        from transaction_cases import leave_behind

        leave_behind(options)
    # The client lets errors of its connections pass through callbacks, which Python would write to the standard error.
    logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL)
    failed = run_all(options)
    sys.stdout.flush()
    # Clients that still wait for their last poll are not waited for.
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
