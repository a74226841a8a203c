//! Links on a machine that lead out of where a module may write.

use anyhow::Result;

use crate::site::{Ran, Site};

/// How what must stay as it is stands.
const PRINT: &str =
    "find /srv/victim -exec stat -c '%n %a %U %s' {} + | sort; sha256sum /srv/victim/*";

fn plan(greeting: &str) -> String {
    format!(
        "[modules.greeting-c]\non = \"all\"\nsettings = {{ greeting = \"{greeting}\", path = \
         \"/etc/greeting/c\" }}\n"
    )
}

fn assert_denied(ran: &Ran) {
    assert_ne!(ran.code, Some(0), "{}", ran.written());
    for words in ["/etc/greeting/c", "leads to `/srv/victim", "`links`"] {
        assert!(ran.written().contains(words), "{words}: {}", ran.written());
    }
}

#[test]
fn a_link_on_a_machine_leads_no_module_out_of_its_places() -> Result<()> {
    let site = Site::up(1)?;
    site.plan(&plan("hello"))?;
    site.run(&[], &[])?.ends_with(0);
    site.on(1, "mkdir /srv/victim; echo kept >/srv/victim/greeting.txt")?;
    let before = site.on(1, PRINT)?;
    site.on(1, "cd /etc/greeting && mv c link && ln -s /srv/victim c")?;
    assert_denied(&site.run(&["--dry-run"], &[])?);
    assert_denied(&site.run(&[], &[])?);
    let journals = site.journals()?;
    assert!(journals.contains("\"denied\"") && journals.contains("leads to `/srv/victim"));
    assert_eq!(site.on(1, PRINT)?, before);

    // Whoever owns a directory there swaps its entries all the time.
    site.on(
        1,
        "chown nobody /etc/greeting && systemd-run --quiet --unit=swapper --uid=nobody sh -c \
         'cd /etc/greeting; while :; do mv -T c other; mv -T link c; mv -T other link; done'",
    )?;
    for round in 0..6 {
        site.plan(&plan(&format!("hello {round}")))?;
        // What comes of it depends on the moment.
        site.run(&[], &[])?;
    }
    assert!(site.does(1, "systemctl is-active --quiet swapper")?);
    site.on(1, "systemctl stop swapper")?;
    assert_eq!(site.on(1, PRINT)?, before);

    // Once it is gone, all is as it was. Nobody starts a service that often.
    site.on(
        1,
        "systemctl reset-failed greeting; cd /etc/greeting && find . -maxdepth 1 -type l -exec rm {} + && \
         for d in link other; do [ ! -d $d ] || mv $d c; done; chown root .",
    )?;
    site.plan(&plan("hello again"))?;
    site.run(&[], &[])?.ends_with(0);
    let said = site.on(1, "cat /etc/greeting/c/greeting.txt")?;
    assert!(said.starts_with("hello again"), "{said}");
    Ok(())
}
