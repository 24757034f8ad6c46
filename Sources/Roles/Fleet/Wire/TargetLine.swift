import JSON

package struct TargetLine: WireMessage {
    package let node: String
    package let state: String
    package let code: String?
    package let text: String
    package let advice: String?

    package init(node: String, state: String, code: String?, text: String, advice: String?) {
        self.node = node
        self.state = state
        self.code = code
        self.text = text
        self.advice = advice
    }

    package init(_ reader: WireReader) throws(WireProblem) {
        node = try reader.text("node", most: 255)
        state = try reader.text("state", most: 32)
        code = try reader.optionalText("code", most: 128)
        text = try reader.text("text")
        advice = try reader.optionalText("advice")
    }

    package var json: JSONValue {
        var object = JSONObject(["node": .string(node), "state": .string(state)])
        object.put("code", code)
        object["text"] = .string(text)
        object.put("advice", advice)
        return .object(object)
    }
}
