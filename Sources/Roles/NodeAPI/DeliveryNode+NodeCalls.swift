import BFT
import MetricFamilies
import Node
import Policy

/// Makes the daemon the implementation of the API, and converts its types.
extension DeliveryNode: NodeCalls {
    package func tasks() async -> [TaskEntry] {
        let known: [KnownTask] = await tasks()
        return known.map(TaskEntry.init)
    }

    package func tasks(named name: String) async -> [TaskEntry] {
        let known: [KnownTask] = await tasks(named: name)
        return known.map(TaskEntry.init)
    }

    package func metrics() async -> [MetricFamily] {
        let samples: [NodeMetrics.Sample] = await metrics()
        return MetricFamily.gather(samples)
    }
}

extension TaskEntry {
    fileprivate init(_ task: DeliveryNode.KnownTask) {
        self.init(
            file: task.name, direction: task.side == .sender ? .send : .receive, state: task.state.rawValue,
            path: task.path)
    }
}

extension MetricFamily {
    /// Groups samples by name into families, in the order of their first appearance.
    static func gather(_ samples: [NodeMetrics.Sample]) -> [MetricFamily] {
        var order: [String] = []
        var byName: [String: [NodeMetrics.Sample]] = [:]
        for sample in samples {
            if byName[sample.name] == nil { order.append(sample.name) }
            byName[sample.name, default: []].append(sample)
        }
        return order.compactMap { name in
            guard let group = byName[name], let first = group.first else { return nil }
            return MetricFamily(
                name: name, kind: first.isCounter ? .counter : .gauge, help: first.help,
                samples: group.map { Sample(labels: pairs($0.labels), value: $0.value) })
        }
    }

    /// Alternating names and values, as pairs.
    private static func pairs(_ labels: [String]) -> [(name: String, value: String)] {
        stride(from: 0, to: labels.count - labels.count % 2, by: 2).map { (labels[$0], labels[$0 + 1]) }
    }
}
