// sources: Text JSON
// max_len: 8192
//
// The JSON of calls, configurations and task files. Holds for every input: it is refused, with a line and a column inside
// it, or it encodes to something that decodes to the same value; no limit is passed.

import JSON

private let limits = JSONLimits(maxBytes: 8192, maxDepth: 20, maxValues: 1000)

private func depth(_ value: JSONValue) -> Int {
    switch value {
    case .array(let values): 1 + (values.map(depth).max() ?? 0)
    case .object(let object): 1 + (object.members.map { depth($0.value) }.max() ?? 0)
    default: 0
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    // libFuzzer owns the memory and lends it for this call.
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    do throws(JSONError) {
        let value = try JSONValue.parse(bytes, limits: limits)
        precondition(depth(value) <= limits.maxDepth, "too deep")
        let again = try? JSONValue.parse(
            value.encode(), limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 20, maxValues: 1000))
        precondition(again == value, "does not come back")
    } catch {
        precondition(error.line >= 1 && error.column >= 1 && error.line <= size + 1 && error.column <= size + 1)
    }
    return 0
}
