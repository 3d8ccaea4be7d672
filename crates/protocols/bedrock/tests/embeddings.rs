//! Recorded embeddings.

use serde_json::Value;
use ultraai_core::{EmbeddingCodec as _, EmbeddingServerCodec as _, Losses};
use ultraai_protocol_bedrock::InvokeEmbeddings;
use ultraai_protocol_cohere::Embed;
use ultraai_testkit::recordings::Recordings;

const CODEC: InvokeEmbeddings<Embed> = InvokeEmbeddings(Embed::Bedrock);

#[test]
fn every_recorded_exchange_of_titan_and_cohere_is_read_and_written_again() {
    let Some(recordings) = Recordings::of("bedrock.invoke") else { return };
    let mut count = 0;
    for recording in recordings.iter().filter(|recording| recording.file.starts_with("bedrock/embeddings__"))
    {
        let sent = recording.request.as_ref().unwrap();
        let answer: Value = serde_json::from_slice(&recording.body).unwrap();
        let expected = answer.pointer("/embeddings/float").unwrap_or(&answer["embeddings"]);
        let Ok(request) = CODEC.decode_request(&sent.path, sent.body.to_string().as_bytes()) else {
            assert!(recording.file.contains("test-nova"), "{}", recording.file);
            continue;
        };
        let written = CODEC.encode(&request, &request.input, &mut Losses::refused()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), sent.body, "{}", recording.file);
        let read = CODEC.decode(&request, &recording.body).unwrap();
        let expected: Vec<Vec<f32>> = match expected {
            Value::Null => vec![serde_json::from_value(answer["embedding"].clone()).unwrap()],
            list => serde_json::from_value(list.clone()).unwrap(),
        };
        assert_eq!(read.embeddings, expected, "{}", recording.file);
        let tokens = read.usage.map(|usage| usage.input_tokens);
        assert_eq!(tokens, answer["inputTextTokenCount"].as_u64(), "{}", recording.file);
        count += 1;
    }
    assert!(count >= 10, "{count}");
}
