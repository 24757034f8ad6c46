import MetricFamilies
import Synchronization

/// Counts responses, for metrics. The series are fixed: subjects that the program defines, by class of status code. No
/// label has a value from outside.
package final class RequestCounters: Sendable {
    private struct Key: Hashable {
        let subject: String
        let statusClass: Int
    }

    private let name: String
    private let counts = Mutex<[Key: Int]>([:])

    /// - Parameter name: name of the metric, such as `swoop_node_http_requests_total`.
    package init(name: String) { self.name = name }

    /// - Parameter subject: the purpose of the request; never text from a client.
    package func count(_ subject: String, status: Int) {
        counts.withLock { $0[Key(subject: subject, statusClass: status / 100), default: 0] += 1 }
    }

    /// Sorted, so that the output is deterministic.
    package var family: MetricFamily {
        let counts = counts.withLock { $0 }
        let samples = counts.map { key, count in
            MetricFamily.Sample(
                labels: [("subject", key.subject), ("status", "\(key.statusClass)xx")], value: Double(count))
        }
        return MetricFamily(
            name: name, kind: .counter, help: "Requests by what they were for and how they ended.",
            samples: samples.sorted { $0.order < $1.order })
    }
}

extension MetricFamily.Sample {
    fileprivate var order: String { labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",") }
}
