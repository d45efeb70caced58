{{ config(meta={'key': ['medication_key']}) }}

{{ mart_medication('neurology') }}
