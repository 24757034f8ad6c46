import Admission
import HTTPServing
import Hummingbird
import MetricFamilies

/// `/metrics` of an agent.
struct AgentMetrics: Sendable {
    let agent: Agent
    let admission: Admission

    func page() async -> Response {
        let figures = agent.node.catalogue.figures
        let fetches = await agent.fetches.figures()
        // Small blobs come inside the registry's answers, and count as sent by origins.
        let received = [
            ("peers", fetches.received - fetches.receivedFromOwners),
            ("origins", fetches.receivedFromOwners + agent.receivedWithAnswers),
        ]
        let sent = fetches.sent + agent.node.swarm.givenFromShelf
        let families = [
            MetricFamily("swoop_agent_cache_bytes", .gauge, "Bytes of all cached blobs.", Double(figures.bytes)),
            MetricFamily("swoop_agent_cache_blobs", .gauge, "Cached blobs.", Double(figures.blobs)),
            MetricFamily(
                name: "swoop_agent_received_bytes_total", kind: .counter, help: "Bytes of blobs that came here.",
                samples: received.map {
                    MetricFamily.Sample(labels: [("from", $0.0)], value: Double($0.1))
                }),
            MetricFamily(
                "swoop_agent_sent_bytes_total", .counter, "Bytes of blobs given to other hosts.", Double(sent)),
            MetricFamily(
                "swoop_agent_pulls", .gauge, "Blobs that are being fetched.",
                Double(fetches.underWay)),
            MetricFamily(
                "swoop_agent_pull_seconds_sum", .counter, "Seconds that all fetched blobs took.", fetches.seconds),
            MetricFamily(
                "swoop_agent_pull_seconds_count", .counter, "Blobs that were fetched.", Double(fetches.complete)),
            MetricFamily(
                "swoop_agent_pulls_failed_total", .counter, "Blobs that did not come.", Double(fetches.failed)),
        ]
        return .text(
            MetricsPage.text(families + AdmissionFamilies.all(of: admission.figures)), type: MetricsPage.type)
    }
}
