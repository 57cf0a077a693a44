package bolide.cases;

import java.util.ArrayList;
import java.util.List;

/** Runs what users of the 5.x Java client do, see {@link Program}; or leaves a transaction behind. */
public final class Main {
    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        Options options = Program.options(arguments);
        if (arguments[0].equals("orphan")) {
            TransactionCases.leaveBehind(options);
        } else {
            Program.run(cases(), options);
        }
    }

    private static List<Case> cases() {
        var cases = new ArrayList<Case>();
        // The longest first, so that none of them is the only one left at the end.
        cases.addAll(FailureCases.all());
        cases.addAll(SimpleCases.all());
        cases.addAll(PushCases.all());
        cases.addAll(LiteCases.all());
        cases.addAll(TransactionCases.all());
        cases.addAll(TimerCases.all());
        cases.addAll(CrossCases.all());
        cases.addAll(FilterCases.all());
        cases.addAll(SendCases.all());
        cases.addAll(RefusalCases.all());
        return cases;
    }
}
