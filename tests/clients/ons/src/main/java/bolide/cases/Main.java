package bolide.cases;

import com.aliyun.openservices.ons.api.ONSFactory;
import java.util.ArrayList;
import java.util.List;

/** Runs what users of the ONS client do; see {@link Program}. */
public final class Main {
    private Main() {
    }

    public static void main(String[] arguments) throws Exception {
        Options options = Program.options(arguments);
        Endpoint.resolve(options);
        // All clients of a process share one tracer, which ends for good with the last of them.
        ONSFactory.createProducer(Tenant.settingsAt(options.nameServer(), "tracer")).start();
        Program.run(cases(), options);
    }

    private static List<Case> cases() {
        var cases = new ArrayList<Case>();
        // The longest first, so that none of them is the only one left at the end.
        cases.addAll(OrderCases.all());
        cases.addAll(RetryCases.all());
        cases.addAll(TransactionCases.all());
        cases.addAll(DelayCases.all());
        cases.addAll(NamespaceCases.all());
        cases.addAll(TraceCases.all());
        cases.addAll(ConsumeCases.all());
        cases.addAll(PullCases.all());
        cases.addAll(SendCases.all());
        return cases;
    }
}
