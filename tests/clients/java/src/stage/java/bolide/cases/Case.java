package bolide.cases;

/**
 * One thing that a user does with the client.
 *
 * @param coldBroker whether it needs a broker that counts no message as being in memory
 * @param restarts   whether it needs a broker that can be restarted
 */
record Case(String name, Body body, boolean coldBroker, boolean restarts) {
    /** How many run at once: cases mostly wait, so more of them than processors. */
    static final int AT_ONCE = 6;

    /** What the case does; it ends normally exactly when everything was as expected. */
    interface Body {
        void run(Scene scene) throws Exception;
    }

    Case(String name, Body body) {
        this(name, body, false, false);
    }

    static Case needingColdBroker(String name, Body body) {
        return new Case(name, body, true, false);
    }

    static Case needingRestarts(String name, Body body) {
        return new Case(name, body, false, true);
    }

    /** The option without which this case cannot run, or null when nothing is lacking. */
    String lacking(Options options) {
        if (coldBroker && options.cold() == null) {
            return "--cold-broker";
        }
        return restarts && options.restartable() == null ? "--restartable" : null;
    }
}
