import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.cluster.service.ClusterService;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.knn.plugin.KNNPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

/**
 * One node of OpenSearch with k-NN, on a plain class path. Arguments: the folder of the configuration, then settings as name=value.
 *
 * It ends when its standard input does, so that no node outlives the process that started it.
 */
public final class ClusterNode extends Node {
    private ClusterNode(Environment environment) {
        super(environment, List.of(Netty4Plugin.class, CommonAnalysisPlugin.class, PainlessPlugin.class, KNNPlugin.class), true);
    }

    @Override
    protected void configureNodeAndClusterIdStateListener(ClusterService clusterService) {
        // It would name the node in the log of a distribution, whose log4j plugin is not there.
    }

    public static void main(String[] arguments) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (int i = 1; i < arguments.length; i++) {
            String[] pair = arguments[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        String name = settings.get("node.name");
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), Path.of(arguments[0]), () -> name);
        ClusterNode node = new ClusterNode(environment);
        node.start();
        while (System.in.read() >= 0) {}
        node.close();
        System.exit(0);
    }
}
