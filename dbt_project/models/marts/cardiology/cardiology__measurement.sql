{{ config(meta={'key': ['measurement_key']}) }}

{{ mart_measurement('cardiology') }}
