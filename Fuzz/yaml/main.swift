// sources: Text Address JSON Settings YAML
// packages: Yams
// max_len: 16384

import JSON
import Settings
import YAML

/// A document that is read has no more values than its limits allow, keeps its values when it is laid over nothing or over
/// itself, and reads the same again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    var limits = YAMLLimits()
    (limits.values, limits.depth) = (2_000, 16)
    do {
        let source = try YAMLDocument.read(bytes, file: "f", limits: limits)
        precondition(count(.object(source.values)) <= limits.values)
        precondition(depth(.object(source.values)) <= limits.depth + 1)
        let again = try YAMLDocument.read(bytes, file: "f", limits: limits)
        precondition(again.values == source.values)
        precondition(SettingsSource([:]).overlaid(by: source).values == source.values)
        precondition(source.overlaid(by: source).values == source.values)
    } catch {
        precondition(!error.description.isEmpty)
    }
    return 0
}

private func count(_ value: JSONValue) -> Int {
    switch value {
    case .array(let values): 1 + values.reduce(0) { $0 + count($1) }
    case .object(let object): 1 + object.members.reduce(0) { $0 + count($1.value) }
    default: 1
    }
}

private func depth(_ value: JSONValue) -> Int {
    switch value {
    case .array(let values): 1 + (values.map(depth).max() ?? 0)
    case .object(let object): 1 + (object.members.map { depth($0.value) }.max() ?? 0)
    default: 1
    }
}
