import Synchronization

/// What both servers answered, for the metrics. Series are fixed: calls by name and answers by class, nothing from
/// outside.
final class RequestCounters: Sendable {
    /// What a request was for.
    enum Subject: Hashable, Sendable {
        case call(APICall)
        /// Everything under /v1, and the pages.
        case other
        case www

        var label: String {
            switch self {
            case .call(let call): call.rawValue
            case .other: "other"
            case .www: "www"
            }
        }
    }

    private struct Key: Hashable {
        let subject: Subject
        let statusClass: Int
    }

    private let counts = Mutex<[Key: Int]>([:])

    func count(_ subject: Subject, status: Int) {
        counts.withLock { $0[Key(subject: subject, statusClass: status / 100), default: 0] += 1 }
    }

    /// Sorted, so that the page is the same every time.
    var family: MetricFamily {
        let counts = counts.withLock { $0 }
        let samples = counts.map { key, count in
            MetricFamily.Sample(
                labels: [("subject", key.subject.label), ("status", "\(key.statusClass)xx")], value: Double(count))
        }
        return MetricFamily(
            name: "swoop_node_http_requests_total", kind: .counter,
            help: "Requests by what they were for and how they ended.",
            samples: samples.sorted { $0.order < $1.order })
    }
}

extension MetricFamily.Sample {
    fileprivate var order: String { labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",") }
}
