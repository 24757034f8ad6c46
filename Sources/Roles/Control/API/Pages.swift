import Fleet
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import MetricFamilies

extension ControlAPI {
    /// Routes for monitoring.
    var pages: [Route] {
        let (core, counters) = (core, counters)
        return [
            Route(
                .get, "/metrics", "Numbers for Prometheus",
                answers: [.init(200, "numbers", type: "text/plain")] + APISchemas.answers([]),
                access: .role(FleetRoles.viewer)
            ) { _, _ in
                .text(MetricsPage.text(ControlMetrics.families(core) + [counters.family]), type: MetricsPage.type)
            },
            Route(
                .get, "/healthz", "Whether control lives", answers: [.init(200, "it does", type: "text/plain")],
                access: .open
            ) { _, _ in .text("ok\n") },
            Route(
                .get, "/readyz", "Whether control reaches its database",
                answers: [.init(200, "it does", type: "text/plain"), .init(503, "it does not", type: "text/plain")],
                access: .open
            ) { _, _ in
                guard core.database.isReady else {
                    var response = Response.text("the database does not answer\n", status: .serviceUnavailable)
                    response.headers[.retryAfter] = "5"
                    return response
                }
                return .text("ok\n")
            },
            Route(
                .get, "/sd", "Agents, for Prometheus' HTTP service discovery",
                answers: [.init(200, "agents")] + APISchemas.answers([]), access: .role(FleetRoles.viewer)
            ) { _, _ in
                let seats = core.nodes.seats
                return .json(
                    .array(
                        seats.filter { $0.record.state == .active }.sorted { $0.record.name < $1.record.name }.map {
                            seat in
                            .object([
                                "targets": .array([
                                    .string(seat.record.facts.addresses.first?.host ?? seat.record.address)
                                ]),
                                "labels": .object([
                                    "node": .string(seat.record.name), "id": .string(seat.record.id.description),
                                    "site": .string(seat.record.site ?? ""),
                                    "contact": .string(seat.isAway ? "away" : "present"),
                                ]),
                            ])
                        }))
            },
        ]
    }
}

/// The metrics of a control. No label contains the name or id of a node.
enum ControlMetrics {
    static func families(_ core: ControlCore) -> [MetricFamily] {
        let seats = core.nodes.seats
        var states: [NodeState: Int] = [:]
        for seat in seats { states[seat.record.state, default: 0] += 1 }
        let jobs = core.jobs.count
        return [
            MetricFamily(
                name: "swoop_control_nodes", kind: .gauge, help: "Nodes by what control makes of them.",
                samples: NodeState.allCases.map { state in
                    .init(labels: [("state", state.rawValue)], value: Double(states[state] ?? 0))
                }),
            MetricFamily(
                "swoop_control_nodes_present", .gauge, "Nodes that are not away.", Double(seats.count { !$0.isAway })),
            MetricFamily(
                "swoop_control_nodes_clock_flagged", .gauge, "Nodes whose clock is more than 30 s off.",
                Double(seats.count { abs($0.clock) > ClockDifference.flagged })),
            MetricFamily(
                "swoop_control_requests_waiting", .gauge, "Requests of agents that wait for an order.",
                Double(core.nodes.waiting)),
            MetricFamily("swoop_control_jobs_open", .gauge, "Jobs that run, are held or paused.", Double(jobs)),
            MetricFamily(
                "swoop_control_ready", .gauge, "1 while the database answers.", core.database.isReady ? 1 : 0),
        ]
    }
}
