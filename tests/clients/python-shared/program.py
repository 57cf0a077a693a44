"""What a program with cases does whatever client it is for: prints one line for each case, `ok NAME`, `FAIL NAME: expected …, saw …`, or
`skip NAME: needs …`. Cases run side by side; each has a scene of its own."""

import collections
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from expect import Failure, shorten
from runner import Runner

# Cases mostly wait, so many more of them than processors run at once.
AT_ONCE = 12

# A case's name is its function's; `needs` are the options without which it cannot run.
Case = collections.namedtuple("Case", "name body needs")


def run_cases(modules, scene_of, options):
    """Runs the selected ones of the modules' `CASES`, in scenes made of their name, the options and the runner, and ends the process.

    The longest modules come first, so that none of their cases is the only one left at the end."""
    started = time.monotonic()
    # Makes the names of this run's topics and groups unique.
    options.run = f"{time.time_ns() // 1_000_000 % 1_000_000_000:x}{os.getpid():x}"
    runner = Runner()
    selected = []
    for case in (as_case(body) for module in modules for body in module.CASES):
        if not any(text in case.name for text in options.only.split(",")):
            continue
        lacking = [f"--{need}" for need in case.needs if not getattr(options, need)]
        if lacking:
            runner.say(f"skip {case.name}: needs {' and '.join(lacking)}")
        else:
            selected.append(case)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        passed = sum(pool.map(lambda case: run_case(case, scene_of(case.name, options, runner), runner), selected))
    failed = len(selected) - passed
    runner.say(f"{len(selected)} cases, {failed} failed, {time.monotonic() - started:.1f} s")
    sys.stdout.flush()
    # Clients that still wait for their last poll are not waited for.
    os._exit(1 if failed else 0)


def as_case(body):
    return Case(body.__name__.replace("_", "-"), body, getattr(body, "needs", ()))


def run_case(case, scene, runner):
    started = time.monotonic()
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
