package bolide.cases;

import java.util.ArrayList;
import java.util.List;

/** Runs what users of the Java client do, see {@link Program}; or is a member of a group, see {@link Member}. */
public final class Main {
    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        Options options = Program.options(arguments);
        if (arguments[0].equals("member")) {
            Member.inThisProcess(options);
        } else {
            Program.run(cases(), options);
        }
    }

    private static List<Case> cases() {
        var cases = new ArrayList<Case>();
        // The longest first, so that none of them is the only one left at the end.
        cases.addAll(TransactionCases.all());
        cases.addAll(DetourCases.all());
        cases.addAll(OrderCases.all());
        cases.addAll(TimerCases.all());
        cases.addAll(Dialect.ownCases());
        cases.addAll(RequestCases.all());
        cases.addAll(OperatorCases.all());
        cases.addAll(TenantCases.all());
        cases.addAll(OffsetCases.all());
        cases.addAll(RebalanceCases.all());
        cases.addAll(PushCases.all());
        cases.addAll(StartCases.all());
        cases.addAll(PullCases.all());
        cases.addAll(FilterCases.all());
        cases.addAll(LightQueueCases.all());
        cases.addAll(BodyCases.all());
        cases.addAll(SendCases.all());
        cases.addAll(QueryCases.all());
        cases.addAll(AdminCases.all());
        return cases;
    }
}
