package bolide.cases;

/**
 * One thing that a user does with the client.
 *
 * @param needs what it cannot run without
 */
record Case(String name, Body body, Need needs) {
    /** How many run at once: cases mostly wait, so many more of them than processors. */
    static final int AT_ONCE = 12;

    /** What the case does; it ends normally exactly when everything was as expected. */
    interface Body {
        void run(Scene scene) throws Exception;
    }

    /** What not every set of servers has. */
    enum Need { NOTHING, RESTARTS, DURABLE_HANDLES, LITE_TOPICS, GZIP, PAIR }

    Case(String name, Body body) {
        this(name, body, Need.NOTHING);
    }

    /** The option without which this case cannot run, or null when nothing is lacking. */
    String lacking(Options options) {
        return switch (needs) {
            case NOTHING -> null;
            case RESTARTS -> options.restartable() == null ? "--restartable" : null;
            case DURABLE_HANDLES -> options.restartable() == null || !options.durable() ? "--restartable and --durable" : null;
            case LITE_TOPICS -> options.lite() ? null : "--lite";
            case GZIP -> options.gzip() ? null : "--gzip";
            case PAIR -> options.pair().isEmpty() ? "--pair" : null;
        };
    }
}
