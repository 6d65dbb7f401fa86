# frozen_string_literal: true

# The driver of the Ruby snippets: ruby driver.rb <snippet>

require "json"

load ARGV.fetch(0)

$stdin.each_line do |line|
  given = JSON.parse(line)
  # Headers come as bytes, which need not be valid in the encoding that the server says they have.
  headers = given["headers"].transform_values do |text|
    text.encode("ISO-8859-1", undef: :replace).force_encoding("UTF-8")
  end
  begin
    verify(given["body_base64"].unpack1("m0"), headers, given["key"])
    puts "ok"
  rescue RuntimeError => e
    raise unless e.instance_of?(RuntimeError)

    puts "refused: #{e.message}"
  end
end
