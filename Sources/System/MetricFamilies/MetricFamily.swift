// MetricFamilies: metrics of the program for Prometheus.
//
// Purpose: one type for the metrics of every part of the program, and the page that shows them. Must never: take the
// name of a series or a label from outside.

/// A metric with its samples, as grouped by the Prometheus text format.
public struct MetricFamily: Sendable {
    public enum Kind: String, Sendable { case gauge, counter }

    /// One value of a metric.
    public struct Sample: Sendable {
        public let labels: [(name: String, value: String)]
        public let value: Double

        public init(labels: [(name: String, value: String)] = [], value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    /// The whole name, such as `swoop_node_tasks`.
    public let name: String
    public let kind: Kind
    /// One sentence.
    public let help: String
    public let samples: [Sample]

    public init(name: String, kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A metric with one value.
    public init(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        self.init(name: name, kind: kind, help: help, samples: [Sample(value: value)])
    }
}

/// Prometheus' text format, version 0.0.4.
public enum MetricsPage {
    public static let type = "text/plain; version=0.0.4; charset=utf-8"

    public static func text(_ families: [MetricFamily]) -> String {
        var page = ""
        for family in families {
            page += "# HELP \(family.name) \(escaped(family.help))\n"
            page += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples {
                let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
                page += family.name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
                page += " \(number(sample.value))\n"
            }
        }
        return page
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\n", "\r\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.append(character)
            }
        }
    }

    private static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return "\(whole)" }
        return value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : "\(value)"
    }
}
