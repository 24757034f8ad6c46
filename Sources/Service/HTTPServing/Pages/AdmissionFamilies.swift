import Admission
import MetricFamilies

/// The use of the process's budget by remote clients, for `/metrics`.
package enum AdmissionFamilies {
    package static func all(of figures: Admission.Figures) -> [MetricFamily] {
        func byDoor(_ counts: [Door: Int]) -> [MetricFamily.Sample] {
            Door.allCases.map { MetricFamily.Sample(labels: [("door", "\($0)")], value: Double(counts[$0] ?? 0)) }
        }
        return [
            MetricFamily(
                name: "swoop_admission_connections", kind: .gauge, help: "Connections that count against the budget.",
                samples: byDoor(figures.connections)),
            MetricFamily(
                name: "swoop_admission_half_open", kind: .gauge,
                help: "Those of them that have not said what they want.", samples: byDoor(figures.halfOpen)),
            MetricFamily(
                "swoop_admission_unsent_bytes", .gauge, "Bytes that wait for peers that read slowly.",
                Double(figures.unsentBytes)),
            MetricFamily(
                "swoop_admission_evicted_total", .counter, "Connections closed to make room.", Double(figures.evicted)),
            MetricFamily(
                "swoop_admission_refused_total", .counter, "Connections turned away since nobody could go.",
                Double(figures.refused)),
        ]
    }
}
