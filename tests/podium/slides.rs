//! The deck over HTTP: addresses, links, errors that stay on their slide.

use crate::talk::Talk;

#[tokio::test]
async fn every_slide_has_an_address_and_an_unknown_one_says_which_there_are() {
    let talk = Talk::start().await;
    for number in 1..=12 {
        let (status, page) = talk.get(&number.to_string()).await;
        assert_eq!(status, 200, "slide {number}");
        assert!(
            page.contains(&format!("data-address=\"{number}")),
            "slide {number}"
        );
    }
    assert_eq!(talk.get("9.2").await.0, 200);
    for unknown in ["99", "9.77", "nonsense"] {
        let (status, page) = talk.get(unknown).await;
        assert_eq!(status, 404);
        assert!(
            page.contains(unknown) && page.contains("/1 to /12"),
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn links_between_the_markdown_files_lead_to_the_slides() {
    let talk = Talk::start().await;
    let answer = talk
        .request(reqwest::Method::GET, "slides/slide-09.md")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/9");
}

#[tokio::test]
async fn slide_nine_shows_exactly_the_five_nodes_of_the_flow() {
    let talk = Talk::start().await;
    let (_, page) = talk.get("9.2").await;
    let step = page
        .split("data-address=\"9.2\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    for node in [
        "EventSource",
        "KedaScaler",
        "MetricsAPI",
        "HPA",
        "FunctionPods",
    ] {
        assert!(step.contains(&format!("data-node=\"{node}\"")), "{node}");
    }
    assert_eq!(step.matches("data-node=\"").count(), 5);
    assert_eq!(step.matches("data-edge=\"").count(), 4);
}

#[tokio::test]
async fn a_broken_diagram_shows_where_on_its_slide_and_leaves_the_rest_alone() {
    let deck = tempfile::tempdir().unwrap();
    std::fs::write(
        deck.path().join("slide-01.md"),
        "# One\n\n```mermaid\nflowchart LR\n  A -->\n```\n",
    )
    .unwrap();
    std::fs::write(deck.path().join("slide-02.md"), "# Two\n\nAll is well.\n").unwrap();
    let talk = Talk::start_with(&["--deck", deck.path().to_str().unwrap()]).await;
    let (status, page) = talk.get("1").await;
    assert_eq!(status, 200);
    assert!(page.contains("slide-01.md:5"), "the error is located");
    assert!(page.contains("All is well."));
}

#[tokio::test]
async fn every_link_of_the_talk_that_stays_here_leads_somewhere() {
    let talk = Talk::start().await;
    let (_, page) = talk.get("1").await;
    let links: std::collections::BTreeSet<_> = page
        .split("href=\"/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(
        links.iter().any(|link| link.starts_with("docs/")),
        "{links:?}"
    );
    for link in links {
        let path = link.split('#').next().unwrap();
        assert_eq!(talk.get(path).await.0, 200, "/{link}");
    }
    let (_, document) = talk.get("docs/architecture.md").await;
    assert!(document.contains("id=\"redis-queue-autoscaling-demo\""));
}
