# frozen_string_literal: true

# Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
# Rails: the raw body is request.raw_post; headers are
# %w[webhook-id webhook-timestamp webhook-signature].to_h { |name| [name, request.headers[name]] }. Ruby 3.0 or later.

require "openssl"

# Returns nil if the webhook is genuine and recent; raises a RuntimeError if not.
def verify(body, headers, secret)
  begin
    key = secret.start_with?("whsec_") ? secret.delete_prefix("whsec_").unpack1("m0") : ""
  rescue ArgumentError # not base64
    key = ""
  end
  raise "The secret is not whsec_ followed by base64." if key.empty?

  id, timestamp, signatures = %w[webhook-id webhook-timestamp webhook-signature].map do |name|
    value = headers[name].to_s.b # bytes: text that is not valid in its encoding would raise later
    raise "The header #{name} is missing." if value.empty?

    value
  end
  raise "The timestamp is not a number of seconds." unless timestamp.match?(/\A[0-9]{1,12}\z/)
  raise "The timestamp is more than 300 seconds off." if (Time.now.to_i - timestamp.to_i).abs > 300

  signed = "#{id}.#{timestamp}.".b + body.b
  expected = "v1,#{[OpenSSL::HMAC.digest("SHA256", key, signed)].pack("m0")}"
  # While a secret is being rotated the header contains two signatures; one match is enough.
  return if signatures.split(" ").any? { |signature| OpenSSL.secure_compare(expected, signature) }

  raise "No signature matches."
end
