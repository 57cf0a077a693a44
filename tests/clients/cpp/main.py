"""Does what users of the C++ client do, against servers that are already there. It is the library as the package for Python brings it
along, through that package where it is no obstacle, and through the library's own functions for C where it is."""

import argparse
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "python-shared"))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["cases", "member"])
    parser.add_argument("--namesrv", dest="name_server", required=True, help="address of the name server")
    parser.add_argument("--brokers", required=True, help="all brokers: NAME=ADDR,...")
    parser.add_argument("--broker", required=True, help="the broker that cases use unless they need another")
    parser.add_argument("--restartable", help="the broker of another cluster that the runner restarts when asked")
    parser.add_argument("--only", default="", help="run the cases whose name contains this, or one of several between commas")
    parser.add_argument("--work", default=tempfile.gettempdir(), help="folder for the client's log")
    parser.add_argument("--topic", help="the topic of which a member consumes the first message")
    parser.add_argument("--group", help="the member's group")
    options = parser.parse_args()
    options.brokers = dict(broker.split("=") for broker in options.brokers.split(","))
    return options


def main():
    options = parse_options()
    # The library writes its log below the home folder as soon as it is loaded, hence the late imports.
    os.environ["HOME"] = options.work
    import group_cases
    import pull_cases
    import push_cases
    import send_cases
    from program import run_cases
    from scene import Scene

    if options.command == "member":
        group_cases.consume_first(options)
    run_cases([group_cases, push_cases, send_cases, pull_cases], Scene, options)


if __name__ == "__main__":
    main()
