"""CSV files in the browser: a file is chosen, its errors are shown, valid rows are imported, and all are exported."""

from pathlib import Path

from playwright.sync_api import expect

from tests.support.browsing import judge
from tests.support.portal import Portal


def test_the_columns_of_a_shops_own_export_are_matched(portal: Portal, visit, script, tmp_path: Path) -> None:
    email = f"columns{script}@example.com"
    api = portal.account(email)
    file = tmp_path / "export.csv"
    file.write_text("Order;Tracking No.;Carrier;Gift note\n1001;M1;DHL Express;Hello\n1002;?;ups;\n")
    page = visit(email, "/trackings/import", java_script_enabled=script)
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Match columns")
    expect(page.get_by_label("Tracking number").locator("option:checked")).to_have_text("Tracking No.")
    expect(page.get_by_role("region", name="First rows of the file")).to_contain_text("DHL Express")
    page.get_by_label("Title").select_option("Gift note")
    judge(page, script=script)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was imported")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Tracking No.")
    judge(page, script=script)
    page.get_by_role("checkbox", name="Skip rows with errors").check()
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("status")).to_contain_text("1 tracking registered")
    [made] = api.get("/v4/trackings/get")["data"]
    assert (made["tracking_number"], made["order_number"], made["title"]) == ("M1", "1001", "Hello")


def test_a_file_with_an_error_is_fixed_by_omitting_its_rows(portal: Portal, visit, script, tmp_path: Path) -> None:
    email = f"files{script}@example.com"
    api = portal.account(email)
    file, saved = tmp_path / "parcels.csv", tmp_path / "saved.csv"
    file.write_text("tracking_number;courier_code;title\nA1;dhl;Mug\n?;dhl;Cup\n")
    page = visit(email, "/trackings", java_script_enabled=script)
    page.get_by_role("link", name="Import CSV").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing was imported")
    expect(page.get_by_role("row").nth(1)).to_contain_text("tracking_number")
    judge(page, script=script)

    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("checkbox", name="Skip rows with errors").check()
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_role("status")).to_contain_text("1 tracking registered")
    judge(page, script=script)
    [made] = api.get("/v4/trackings/get")["data"]
    assert (made["tracking_number"], made["title"]) == ("A1", "Mug")
    page.get_by_role("main").get_by_role("link", name="Parcels").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    download.value.save_as(saved)
    assert saved.read_text("utf-8-sig").splitlines()[1].startswith("A1,dhl,")
