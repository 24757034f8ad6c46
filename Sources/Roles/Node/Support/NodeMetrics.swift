import Synchronization

/// Counters since the start of the daemon, for `/metrics`.
package final class NodeMetrics: Sendable {
    /// One value of a metric.
    package struct Sample: Sendable, Hashable {
        package let name: String
        package let help: String
        package let isCounter: Bool
        package let labels: [String]
        package let value: Double

        /// - Parameter labels: names and values, alternating.
        package init(_ name: String, help: String, isCounter: Bool = true, labels: [String] = [], value: Double) {
            self.name = name
            self.help = help
            self.isCounter = isCounter
            self.labels = labels
            self.value = value
        }
    }

    enum Counter: String, CaseIterable, Sendable {
        case sendsFinished = "swoop_node_sends_published_total"
        case sendsFailed = "swoop_node_sends_failed_total"
        case receivesFinished = "swoop_node_deliveries_total"
        case receivesFailed = "swoop_node_deliveries_failed_total"
        case tasksGenerated = "swoop_node_tasks_generated_total"
        case verifyFailures = "swoop_node_verification_failures_total"
        case callbacksSent = "swoop_node_callbacks_sent_total"
        case callbacksFailed = "swoop_node_callbacks_failed_total"
        case bytesFromPeers = "swoop_node_received_bt_bytes_total"
        case bytesFromStore = "swoop_node_received_obs_bytes_total"
        case bytesFromCDN = "swoop_node_received_cdn_bytes_total"
        case bytesFromLibrary = "swoop_node_copied_bytes_total"

        var help: String {
            switch self {
            case .sendsFinished: "Tasks whose content was published."
            case .sendsFailed: "Tasks that could not be published."
            case .receivesFinished: "Deliveries that were completed and verified."
            case .receivesFailed: "Deliveries that failed."
            case .tasksGenerated: "Task files that were made."
            case .verifyFailures: "Files that did not match their hash after their transfer."
            case .callbacksSent: "Callbacks that were answered."
            case .callbacksFailed: "Callbacks that were given up."
            case .bytesFromPeers: "Verified bytes of content from peers."
            case .bytesFromStore: "Verified bytes of content from the object store."
            case .bytesFromCDN: "Verified bytes of content over HTTP."
            case .bytesFromLibrary: "Bytes of content that were here already and copied."
            }
        }
    }

    private let values = Mutex<[Counter: Int64]>([:])

    init() {}

    func add(_ count: Int64 = 1, to counter: Counter) {
        values.withLock { $0[counter, default: 0] &+= max(0, count) }
    }

    var samples: [Sample] {
        let values = values.withLock { $0 }
        return Counter.allCases.map { Sample($0.rawValue, help: $0.help, value: Double(values[$0] ?? 0)) }
    }
}
