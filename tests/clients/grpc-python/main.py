"""Does what users of the 5.x Python client do, against servers that are already there."""

import argparse
import collections
import logging
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "python-shared"))

Address = collections.namedtuple("Address", "remoting grpc")


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
    return options


def main():
    options = parse_options()
    # The client writes its log below the home folder as soon as it is imported, hence the late imports.
    os.environ["HOME"] = options.work
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if options.roots:
        # The client has no setting for whom it trusts: it is the library's.
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = options.roots
    # The client lets errors of its connections pass through callbacks, which Python would write to the standard error.
    logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL)
    run(options)


def run(options):
    import failure_cases
    import lite_cases
    import push_cases
    import refusal_cases
    import send_cases
    import simple_cases
    import timer_cases
    import transaction_cases
    from program import run_cases
    from scene import Scene

    if options.command == "orphan":
        transaction_cases.leave_behind(options)
    modules = [failure_cases, simple_cases, push_cases, lite_cases, transaction_cases, timer_cases, send_cases, refusal_cases]
    run_cases(modules, Scene, options)


if __name__ == "__main__":
    main()
